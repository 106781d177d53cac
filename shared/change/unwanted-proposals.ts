import { formatNamespacedName } from '#shared/api/resource-key.ts';
import { isConditionTrue } from '#shared/journal/conditions.ts';

import type { ClusterImages } from './automations-to-run.ts';
import type { WithdrawReason } from './withdraw-reason.ts';

/** Says why no instruction wants the proposals of `<cluster>/<namespace>/<automation>`, or undefined while one does. */
export type WhyUnwanted = (owner: string) => WithdrawReason | undefined;

/**
 * Finds out whose proposals nobody wants any more. Doubt never withdraws: an automation that cannot be read at the moment is
 * still wanted, and so is every one of a cluster whose instructions are not known.
 */
export function findUnwanted(clusters: readonly ClusterImages[], settings: readonly string[]): WhyUnwanted {
  const known = new Set(clusters.map(({ instructions }) => instructions.cluster));
  const pushing = new Map<string, boolean>();
  const doubtful = new Set<string>();
  for (const { instructions, statuses } of clusters) {
    for (const automation of instructions.imageUpdateAutomations) {
      const owner = `${instructions.cluster}/${formatNamespacedName(automation)}`;
      pushing.set(owner, automation.pushBranch !== undefined);
    }
    for (const { object, conditions } of statuses) {
      const isUnread = object.kind === 'ImageUpdateAutomation' && isConditionTrue(conditions, 'Stalled');
      if (isUnread) doubtful.add(`${instructions.cluster}/${formatNamespacedName(object)}`);
    }
  }
  return (owner) => {
    const cluster = owner.slice(0, owner.indexOf('/'));
    if (!settings.includes(cluster)) return 'cluster-is-gone';
    const pushes = pushing.get(owner);
    if (pushes !== undefined) return pushes ? 'automation-pushes' : undefined;
    return known.has(cluster) && !doubtful.has(owner) ? 'automation-is-gone' : undefined;
  };
}
