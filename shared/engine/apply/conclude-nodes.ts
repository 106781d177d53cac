import { formatObjectId } from '#shared/kubernetes/kubernetes-object.ts';

import type { DesiredSet } from '../model/apply-request.ts';
import { mayStart, progressOf, type ApplyRun, type SetProgress } from '../model/apply-run.ts';

/** Gives each Kustomization of a wave its next phase: failed, ready, or awaiting health. */
export function concludeNodes(run: ApplyRun, nodes: readonly DesiredSet[]): void {
  for (const set of nodes) {
    const progress = progressOf(run, set.id);
    if (progress.failures.length > 0) {
      progress.phase = 'failed';
      progress.reason = 'ReconciliationFailed';
      progress.message = progress.failures
        .map(({ id, reason, message }) => `${formatObjectId(id)}: ${reason}: ${message}`)
        .join('; ');
    } else if (!mayStart(run)) {
      progress.phase = 'progressing';
      progress.message = 'the run ended before all was applied and pruned';
    } else if (set.settings.wait || set.settings.healthChecks.length > 0) {
      progress.phase = 'applied';
      progress.awaitingSince ??= run.ports.clock.now();
    } else {
      markReady(progress);
    }
  }
}

/** Marks a Kustomization as reconciled. */
export function markReady(progress: SetProgress): void {
  progress.phase = 'ready';
  progress.reason = 'ReconciliationSucceeded';
  progress.message = `applied revision: ${progress.set.revision}`;
  delete progress.awaitingSince;
}
