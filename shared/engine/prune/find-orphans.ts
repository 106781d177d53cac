import { KubernetesApiError } from '#shared/kubernetes/api-error.ts';
import type { ApiResource } from '#shared/kubernetes/discovery.ts';
import { findResource } from '#shared/kubernetes/group-kind.ts';
import type { ObjectId } from '#shared/kubernetes/kubernetes-object.ts';
import type { LiveMetadata } from '#shared/kubernetes/live-object.ts';
import { APPLYSET_PART_OF_LABEL } from '#shared/kubernetes/names.ts';

import { parseObjectKey } from '../inventory/apply-record.ts';
import { mayStart, type ApplyRun } from '../model/apply-run.ts';
import { resolveId } from '../model/desired-object.ts';
import { outsideScope } from '../observe/outside-scope.ts';

/**
 * Looks for objects that we applied once, that nobody desires, and whose label somebody removed: no list shows them and
 * no prune will ever find them, so they are named while the records remember.
 */
export async function findOrphans(run: ApplyRun): Promise<void> {
  for (const [key, record] of run.records) {
    const progress = run.progress.get(record.set);
    const known = run.claims.has(key) || isMember(run, run.cluster.members.get(key)?.live);
    // What a Kustomization desires that is not rendered, nobody knows; its records stay as they are.
    if (known || progress?.set.render.kind === 'failed' || !mayStart(run)) continue;
    if (progress !== undefined && progress.set.render.kind !== 'rendered') continue;
    const id = parseObjectKey(key);
    // Outside the allowed namespaces, keep the records until we may read there again.
    if (outsideScope(resolveId(id, run.cluster.discovery), run.cluster) !== undefined) continue;
    const resource = findResource(run.cluster.discovery, id);
    const live = resource === undefined ? undefined : await look(run, id, resource);
    if (live === 'forbidden') continue;
    if (live === undefined || live.uid !== record.uid) {
      run.records.delete(key);
      run.recordsChanged = true;
      continue;
    }
    if (live.labels?.[APPLYSET_PART_OF_LABEL] === undefined) {
      progress?.orphans.push(id);
    } else if (!isMember(run, live)) {
      // Another installation took it over: it is no more of ours to remember.
      run.records.delete(key);
      run.recordsChanged = true;
    }
  }
}

/** Whether it carries the label of a set, and not of one of another installation. */
function isMember({ cluster }: ApplyRun, live: LiveMetadata | undefined): boolean {
  const partOf = live?.labels?.[APPLYSET_PART_OF_LABEL];
  return partOf !== undefined && !cluster.foreignParents.has(partOf);
}

async function look(
  run: ApplyRun,
  { namespace, name }: ObjectId,
  resource: ApiResource,
): Promise<LiveMetadata | 'forbidden' | undefined> {
  try {
    return await run.ports.api.getMetadata({ resource, namespace, name });
  } catch (error) {
    if (error instanceof KubernetesApiError && error.status.code === 403) return 'forbidden';
    throw error;
  }
}
