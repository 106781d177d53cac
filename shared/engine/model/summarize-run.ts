import { formatObjectId } from '#shared/kubernetes/kubernetes-object.ts';

import { kustomizationOf } from '../inventory/apply-set-id.ts';
import type { ApplyOutcome, SetOutcome, SetState } from './apply-request.ts';
import type { ApplyRun, SetProgress } from './apply-run.ts';

/** The outcome of a run, for those who record it. */
export function summarizeRun(run: ApplyRun, deleted: readonly SetOutcome[]): ApplyOutcome {
  return {
    cluster: run.request.cluster,
    sets: [...[...run.progress.values()].map((progress) => summarizeSet(progress, run.ports.clock.now())), ...deleted],
    ended: run.ended,
  };
}

function summarizeSet(progress: SetProgress, now: number): SetOutcome {
  const state = finalState(progress.phase);
  return {
    id: kustomizationOf(progress.set.id),
    revision: progress.set.revision,
    state,
    reason: progress.reason,
    message: state === 'progressing' && progress.message === '' ? describeAwaited(progress) : progress.message,
    changes: [...progress.changes.values()],
    failures: progress.failures,
    withheld: progress.withheld,
    orphans: progress.orphans,
    health: [...progress.health.values()],
    ...(state === 'progressing' && progress.awaitingSince !== undefined
      ? { awaitingSince: progress.awaitingSince }
      : {}),
    ...(progress.startedAt === undefined ? {} : { tookMs: (progress.endedAt ?? now) - progress.startedAt }),
  };
}

// `pending` and `applied` are left when the run ends before a verdict.
function finalState(phase: SetProgress['phase']): SetState {
  return phase === 'pending' || phase === 'applied' ? 'progressing' : phase;
}

function describeAwaited(progress: SetProgress): string {
  const awaited = [...progress.health.values()].filter(({ status }) => status !== 'Current');
  const named = awaited.map(({ id, status, message }) => `${formatObjectId(id)}: ${status}: ${message}`);
  return named.length === 0 ? 'applied; health is not known yet' : `waiting for ${named.join('; ')}`;
}
