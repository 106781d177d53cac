import { runAtMost } from '#shared/common/run-at-most.ts';
import { formatNamespacedName } from '#shared/flux/resource-key.ts';
import { KubernetesApiError } from '#shared/kubernetes/api-error.ts';
import { objectKey } from '#shared/kubernetes/kubernetes-object.ts';

import { describeRefusal } from '../apply/describe-refusal.ts';
import { stageOf } from '../model/apply-order.ts';
import { mayStart, type ApplyRun } from '../model/apply-run.ts';
import type { PruneCandidate } from './guards/prune-candidate.ts';
import type { WithheldFrom } from './plan-prune.ts';

const AT_ONCE = 16;

/**
 * Deletes in the reverse of the order of apply, each object as it was looked at (uid and resourceVersion): one that
 * changed since stays, and the next run decides again.
 */
export async function executePrune(
  run: ApplyRun,
  deletions: readonly PruneCandidate[],
): Promise<{
  readonly deleted: readonly PruneCandidate[];
  readonly withheld: readonly WithheldFrom[];
}> {
  const deleted: PruneCandidate[] = [];
  const withheld: WithheldFrom[] = [];
  for (const stage of [2, 1, 0]) {
    const inStage = deletions.filter(({ object }) => stageOf(object.id.kind) === stage);
    await runAtMost(AT_ONCE, inStage, async (candidate) => {
      const held = mayStart(run)
        ? await deleteOne(run, candidate)
        : { guard: 'lease-lost', message: `the run ended before: ${run.ended}` };
      if (held === undefined) {
        deleted.push(candidate);
      } else {
        withheld.push({ kustomization: candidate.kustomization, id: candidate.object.id, ...held });
      }
    });
  }
  return { deleted, withheld };
}

async function deleteOne(
  run: ApplyRun,
  { kustomization, object }: PruneCandidate,
): Promise<{ readonly guard: string; readonly message: string } | undefined> {
  const { id, live, resource } = object;
  try {
    await run.ports.api.delete({
      address: { resource, namespace: id.namespace, name: id.name },
      uid: live.uid,
      resourceVersion: live.resourceVersion,
      attribution: {
        kustomization: formatNamespacedName(kustomization),
        revision: run.progress.get(formatNamespacedName(kustomization))?.set.revision ?? 'deleted',
      },
    });
  } catch (error) {
    return error instanceof KubernetesApiError && error.status.code === 409
      ? { guard: 'changed-meanwhile', message: 'it changed while the run looked at it; the next run decides again' }
      : { guard: 'refused', message: describeRefusal(id, error).message };
  }
  run.pruned.add(live.uid);
  if (run.records.delete(objectKey(id))) {
    run.recordsChanged = true;
  }
  return undefined;
}
