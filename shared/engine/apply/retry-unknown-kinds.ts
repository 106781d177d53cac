import { objectIdOf, objectKey } from '#shared/kubernetes/kubernetes-object.ts';

import { mayStart, type ApplyRun, type SetProgress } from '../model/apply-run.ts';
import { resolveDesired, UNKNOWN_KIND } from '../model/desired-object.ts';

/**
 * Gives Kustomizations another turn that only lacked a kind which a later one brought: their other objects are applied
 * already. A kind that comes from elsewhere is met by the next run.
 */
export function retryUnknownKinds(run: ApplyRun): void {
  // As long as nobody looked again, no kind came.
  if (run.lookedForKinds === run.cluster || !mayStart(run)) return;
  run.lookedForKinds = run.cluster;
  for (const progress of run.progress.values()) {
    if (progress.phase === 'failed' && forgetServed(run, progress)) {
      progress.phase = 'pending';
      progress.withheld.splice(0);
      delete progress.endedAt;
    }
  }
}

/** @returns whether an object failed for want of a kind that is there now. */
function forgetServed(run: ApplyRun, { set, failures }: SetProgress): boolean {
  const unknown = new Set(failures.filter(({ reason }) => reason === UNKNOWN_KIND).map(({ id }) => objectKey(id)));
  if (unknown.size === 0 || set.render.kind !== 'rendered') return false;
  for (const object of set.render.objects) {
    const key = objectKey(objectIdOf(object));
    if (unknown.has(key)) {
      const desired = resolveDesired(set, object, run.cluster.discovery);
      if ('reason' in desired && desired.reason === UNKNOWN_KIND) {
        unknown.delete(key);
      }
    }
  }
  const kept = failures.filter(({ id, reason }) => reason !== UNKNOWN_KIND || !unknown.has(objectKey(id)));
  failures.splice(0, failures.length, ...kept);
  return unknown.size > 0;
}
