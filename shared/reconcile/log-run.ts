import { defined } from '#shared/common/defined.ts';
import type { ApplyOutcome, SetOutcome, SetState } from '#shared/engine/model/apply-request.ts';
import { formatNamespacedName } from '#shared/flux/resource-key.ts';
import type { Logger } from '#shared/ports/logger.ts';

import { summarizeWithheld } from './describe-withheld.ts';
import type { DesiredState } from './desired-state.ts';

/** Says that a run begins, and with what. */
export function logRunStarted({ cluster, revision, nodes }: DesiredState, log: Logger): void {
  log.info('run started', { cluster, revision, kustomizations: nodes.length });
}

/** Says what became of each Kustomization, and how long it took; the reasons in full are in the events. */
export function logResults({ cluster, sets }: ApplyOutcome, log: Logger): void {
  for (const set of sets) {
    const { id, state, reason, revision, tookMs, failures } = set;
    const waiting = summarizeWithheld(set)?.count ?? 0;
    log.info('kustomization finished', {
      cluster,
      kustomization: formatNamespacedName(id),
      result: state,
      ...(reason === '' ? {} : { reason }),
      ...(revision === '' ? {} : { revision }),
      ...countChanges(set),
      ...(failures.length === 0 ? {} : { failures: failures.length }),
      ...(waiting === 0 ? {} : { withheld: waiting }),
      ...defined({ ms: tookMs }),
    });
  }
}

/** How many Kustomizations ended in which state: `{ ready: 12, failed: 1 }`. */
export function countResults(sets: readonly SetOutcome[]): Readonly<Partial<Record<SetState, number>>> {
  const counts: Partial<Record<SetState, number>> = {};
  for (const { state } of sets) counts[state] = (counts[state] ?? 0) + 1;
  return counts;
}

function countChanges({ changes }: SetOutcome): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { action } of changes) counts[action] = (counts[action] ?? 0) + 1;
  return counts;
}
