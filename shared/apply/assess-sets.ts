import {
  formatObjectId,
  objectIdOf,
  objectKey,
  parseApiVersion,
  type ObjectId,
} from '#shared/api/kubernetes-object.ts';
import { APPLYSET_PART_OF_LABEL } from '#shared/api/names.ts';
import { assessHealth } from '#shared/health/assess-health.ts';
import type { Health } from '#shared/health/health-status.ts';
import { hasNoStatus } from '#shared/health/has-no-status.ts';
import { KubernetesApiError, type LiveObject } from '#shared/ports/kubernetes-api.ts';

import type { ApplyRun, SetProgress } from './apply-run.ts';
import { markReady } from './conclude-wave.ts';
import { describeRefusal } from './describe-refusal.ts';
import { resolveId } from './desired-object.ts';
import { findResource, formatGroupKind, type GroupKind } from './group-kind.ts';
import { isReady } from './next-wave.ts';
import { runAtMost } from './run-at-most.ts';

const AT_ONCE = 16;
const KUSTOMIZATION = { group: 'kustomize.toolkit.fluxcd.io', kind: 'Kustomization' };

/**
 * Looks once at the health of what is awaited: one LIST a kind for members, one GET for each object that is none.
 * @returns whether a Kustomization got its verdict.
 */
export async function assessSets(run: ApplyRun): Promise<boolean> {
  const awaiting = [...run.progress.values()].filter((progress) => progress.phase === 'applied');
  const open = new Map<string, ObjectId>();
  for (const id of awaiting.flatMap((progress) => awaitedIds(run, progress))) {
    open.set(objectKey(id), id);
  }
  const live = await readAwaited(run, [...open.values()]);
  for (const progress of awaiting) {
    for (const id of awaitedIds(run, progress)) {
      const key = objectKey(id);
      progress.health.set(key, { id, ...healthOf(run, progress, id, live.get(key)) });
    }
    giveVerdict(run, progress);
  }
  return awaiting.some((progress) => progress.phase !== 'applied');
}

function awaitedIds(run: ApplyRun, { set, changes }: SetProgress): readonly ObjectId[] {
  if (set.settings.wait) {
    const applied = [...changes.values()].filter(({ action }) => action !== 'skipped' && action !== 'deleted');
    const children = set.children.map((child) => ({ ...KUSTOMIZATION, ...child }));
    return [...applied.map(({ id }) => id), ...children];
  }
  return set.settings.healthChecks.map(({ apiVersion, kind, namespace, name }) =>
    resolveId({ group: parseApiVersion(apiVersion).group, kind, namespace, name }, run.cluster.discovery),
  );
}

async function readAwaited(run: ApplyRun, ids: readonly ObjectId[]): Promise<ReadonlyMap<string, Health>> {
  const found = new Map<string, Health>();
  const places = new Map<string, Place>();
  const singles: ObjectId[] = [];
  for (const id of ids.filter((id) => !isKustomization(id))) {
    if (!run.claims.has(objectKey(id))) {
      singles.push(id);
    } else if (hasNoStatus(id)) {
      found.set(objectKey(id), { status: 'Current', message: 'applied' });
    } else {
      const place = placeOf(run, id);
      const known = places.get(formatPlace(place)) ?? place;
      known.awaited.push(id);
      places.set(formatPlace(place), known);
    }
  }
  const note = (object: LiveObject) => found.set(objectKey(objectIdOf(object)), assessHealth(object));
  const noteRefusal = (id: ObjectId, error: unknown): void => {
    if (!(error instanceof KubernetesApiError)) {
      throw error;
    }
    found.set(objectKey(id), { status: 'Unknown', message: describeRefusal(id, error).message });
  };
  await runAtMost(AT_ONCE, [...places.values()], async ({ kind, awaited, ...place }) => {
    const resource = findResource(run.cluster.discovery, kind);
    try {
      if (resource !== undefined) {
        (await run.ports.api.list({ resource, ...place, labelSelector: APPLYSET_PART_OF_LABEL })).forEach(note);
      }
    } catch (error) {
      awaited.forEach((id) => noteRefusal(id, error));
    }
  });
  await runAtMost(AT_ONCE, singles, async (id) => {
    try {
      const resource = findResource(run.cluster.discovery, id);
      const object =
        resource === undefined
          ? undefined
          : await run.ports.api.get({ resource, namespace: id.namespace, name: id.name });
      if (object !== undefined) {
        note(object);
      }
    } catch (error) {
      noteRefusal(id, error);
    }
  });
  return found;
}

/** What one list shows: a kind, in one namespace where the run may look into some only. */
interface Place {
  readonly kind: GroupKind;
  readonly namespace?: string;
  readonly awaited: ObjectId[];
}

function placeOf(run: ApplyRun, { group, kind, namespace }: ObjectId): Place {
  const scoped = run.cluster.namespaces === undefined ? {} : { namespace };
  return { kind: { group, kind }, ...scoped, awaited: [] };
}

function formatPlace({ kind, namespace = '' }: Place): string {
  return `${formatGroupKind(kind)} ${namespace}`;
}

function healthOf(run: ApplyRun, progress: SetProgress, id: ObjectId, live: Health | undefined): Health {
  if (isKustomization(id)) {
    const ready = isReady(run, id);
    return { status: ready ? 'Current' : 'InProgress', message: ready ? 'ready' : 'not ready' };
  }
  if (live === undefined && id.kind === 'Job' && progress.changes.has(objectKey(id))) {
    return { status: 'Current', message: 'finished and gone, as its ttlSecondsAfterFinished asks' };
  }
  return live ?? { status: 'NotFound', message: 'there is no such object' };
}

function giveVerdict(run: ApplyRun, progress: SetProgress): void {
  const unhealthy = [...progress.health.values()].filter(({ status }) => status !== 'Current');
  if (unhealthy.length === 0) {
    markReady(progress);
    return;
  }
  const failed = unhealthy.filter(({ status }) => status === 'Failed');
  const waited = run.ports.clock.now() - (progress.awaitingSince ?? run.ports.clock.now());
  if (failed.length === 0 && waited < progress.set.settings.timeoutMs) {
    return;
  }
  const named = (failed.length > 0 ? failed : unhealthy).map(
    ({ id, status, message }) => `${formatObjectId(id)}: ${status}: ${message}`,
  );
  progress.phase = 'failed';
  progress.reason = 'HealthCheckFailed';
  progress.message = `health check failed after ${Math.round(waited / 1000)}s: ${named.join('; ')}`;
  delete progress.awaitingSince;
}

function isKustomization(id: ObjectId): boolean {
  return id.kind === KUSTOMIZATION.kind && id.group === KUSTOMIZATION.group;
}
