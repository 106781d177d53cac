import { formatGroupKind } from '#shared/kubernetes/group-kind.ts';
import { formatObjectId, objectKey } from '#shared/kubernetes/kubernetes-object.ts';

import { STAGES, stageOf } from '../model/apply-order.ts';
import type { WithheldPrune } from '../model/apply-request.ts';
import type { ApplyRun } from '../model/apply-run.ts';
import type { ObservedObject } from '../observe/observed-cluster.ts';
import { executePrune } from './execute-prune.ts';
import type { PruneCandidate } from './guards/prune-candidate.ts';
import type { WithheldFrom } from './plan-prune.ts';
import { ownSets, type PruneResult } from './prune-nodes.ts';
import { DEFINITION, NAMESPACE } from './weight.ts';

/**
 * Prunes what takes others with it, when all else of the run is pruned: one in which an object stays that a Kustomization
 * holds, for whatever reason, stays with it.
 */
export async function pruneLast(run: ApplyRun, withheld: readonly WithheldPrune[]): Promise<PruneResult> {
  const deleted: PruneCandidate[] = [];
  const held: WithheldFrom[] = [];
  const reasons = new Map(
    [...[...run.progress.values()].flatMap((progress) => progress.withheld), ...withheld].map(
      (prune) => [objectKey(prune.id), prune.message] as const,
    ),
  );
  for (const stage of STAGES.toReversed()) {
    const inStage = run.pruneLast.filter(({ object }) => stageOf(object.id.kind) === stage);
    const whatStays = indexStaying(run, inStage);
    const free: PruneCandidate[] = [];
    for (const candidate of inStage) {
      const staying = whatStays(candidate.object);
      const [first] = staying;
      if (first === undefined) {
        free.push(candidate);
      } else {
        const { kustomization, object } = candidate;
        held.push({ kustomization, id: object.id, guard: 'holds-others', message: describe(staying, first, reasons) });
      }
    }
    const done = await executePrune(run, free);
    deleted.push(...done.deleted);
    held.push(...done.withheld);
  }
  return { deleted, withheld: held };
}

function describe(
  staying: readonly ObservedObject[],
  first: ObservedObject,
  reasons: ReadonlyMap<string, string>,
): string {
  const why = reasons.get(objectKey(first.id));
  const count = staying.length === 1 ? '' : `${staying.length} objects that stay would go with it, among them `;
  const name = formatObjectId(first.id);
  return `${count}${name}${staying.length === 1 ? ' would go with it, which stays' : ''}${why === undefined ? '' : `: ${why}`}`;
}

/** Indexes by place what a Kustomization holds and this run did not delete. */
function indexStaying(
  run: ApplyRun,
  candidates: readonly PruneCandidate[],
): (container: ObservedObject) => readonly ObservedObject[] {
  const isOurs = ownSets(run);
  const going = new Set(candidates.map(({ object }) => object.live.uid));
  const places = new Map<string, ObservedObject[]>();
  const note = (place: string, member: ObservedObject): void => {
    const known = places.get(place) ?? [];
    known.push(member);
    places.set(place, known);
  };
  for (const member of run.cluster.members.values()) {
    const { live, id } = member;
    if (run.pruned.has(live.uid) || going.has(live.uid) || live.deletionTimestamp !== undefined || !isOurs(member)) {
      continue;
    }
    if (live.ownerReferences?.some((owner) => owner.controller === true && run.pruned.has(owner.uid)) === true) {
      continue;
    }
    note(`namespace ${id.namespace}`, member);
    note(`kind ${formatGroupKind(id)}`, member);
    live.ownerReferences?.forEach((owner) => note(`owner ${owner.uid}`, member));
  }
  const kinds = new Map(run.cluster.discovery.resources.map((one) => [`${one.plural}.${one.group}`, one]));
  return ({ id, live }) => {
    const kind = formatGroupKind(id);
    const owned = places.get(`owner ${live.uid}`) ?? [];
    if (kind === formatGroupKind(NAMESPACE)) return [...owned, ...(places.get(`namespace ${id.name}`) ?? [])];
    const defined = kind === formatGroupKind(DEFINITION) ? kinds.get(id.name) : undefined;
    return [...owned, ...(defined === undefined ? [] : (places.get(`kind ${formatGroupKind(defined)}`) ?? []))];
  };
}
