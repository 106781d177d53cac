import { METRICS } from '#shared/settings/metric-names.ts';

import { countStack } from './count-stack.ts';
import type { FleetCost } from './describe-costs.ts';
import { describeCosts } from './describe-costs.ts';
import { estimateCost } from './estimate-cost.ts';
import { synthesizeFleet } from './synthesize-fleet.ts';

/** A stack has room for 20 clusters, so a hundred are five stacks. */
const FLEETS = [
  { title: '1 cluster', stacks: 1, clusters: 1, isPrivate: false },
  { title: '1, private', stacks: 1, clusters: 1, isPrivate: true },
  { title: '10 clusters', stacks: 1, clusters: 10, isPrivate: false },
  { title: '10, private', stacks: 1, clusters: 10, isPrivate: true },
  { title: '100 clusters', stacks: 5, clusters: 20, isPrivate: false },
  { title: '100, private', stacks: 5, clusters: 20, isPrivate: true },
] as const;

/** The table of `docs/cost.md`, computed from the templates of stacks of one, ten and twenty clusters. */
export async function estimateFleets(): Promise<string> {
  const costs: FleetCost[] = [];
  for (const { title, stacks, ...fleet } of FLEETS) {
    const lines = estimateCost(countStack(await synthesizeFleet(fleet), METRICS.namespace));
    costs.push({ title, stacks, lines });
  }
  return describeCosts(costs);
}
