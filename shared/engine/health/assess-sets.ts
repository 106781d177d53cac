import { runAtMost } from '#shared/common/run-at-most.ts';
import { formatNamespacedName } from '#shared/flux/resource-key.ts';
import { KubernetesApiError } from '#shared/kubernetes/api-error.ts';
import type { ApiResource } from '#shared/kubernetes/discovery.ts';
import { findResource, formatGroupKind, type GroupKind } from '#shared/kubernetes/group-kind.ts';
import { assessHealth } from '#shared/kubernetes/health/assess-health.ts';
import { hasNoStatus } from '#shared/kubernetes/health/has-no-status.ts';
import type { Health } from '#shared/kubernetes/health/health-status.ts';
import { fieldsOf, wholeNumber } from '#shared/kubernetes/health/live-fields.ts';
import { unknown } from '#shared/kubernetes/health/verdicts.ts';
import {
  formatObjectId,
  objectIdOf,
  objectKey,
  parseApiVersion,
  type KubernetesObject,
  type ObjectId,
} from '#shared/kubernetes/kubernetes-object.ts';
import type { LiveMetadata } from '#shared/kubernetes/live-object.ts';
import { APPLYSET_PART_OF_LABEL } from '#shared/kubernetes/names.ts';

import { markReady } from '../apply/conclude-nodes.ts';
import { describeRefusal } from '../apply/describe-refusal.ts';
import { isReady } from '../apply/next-ready-nodes.ts';
import type { ApplyRun, SetProgress } from '../model/apply-run.ts';
import { resolveId } from '../model/desired-object.ts';

const AT_ONCE = 16;
const KUSTOMIZATION = { group: 'kustomize.toolkit.fluxcd.io', kind: 'Kustomization' };
const JOB = { group: 'batch', kind: 'Job' };

/**
 * Looks once at the health of what is awaited: one LIST a kind for members, one GET for each object that no list shows.
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
    const missing = missingJobs(run, progress);
    for (const id of awaitedIds(run, progress)) {
      const key = objectKey(id);
      const seen = live.get(key);
      if (seen !== undefined) {
        progress.seen.set(key, { isCurrent: seen.status === 'Current', at: run.ports.clock.now() });
      }
      progress.health.set(key, { id, ...healthOf(run, id, seen ?? missing(key)) });
    }
    giveVerdict(run, progress);
  }
  return awaiting.some((progress) => progress.phase !== 'applied');
}

function awaitedIds(run: ApplyRun, { set, changes }: SetProgress): readonly ObjectId[] {
  const applied = [...changes.values()].filter(({ action }) => action !== 'skipped' && action !== 'deleted');
  const children = set.children.map((child) => ({ ...KUSTOMIZATION, ...child }));
  const checks = set.settings.healthChecks.map(({ apiVersion, kind, namespace, name }) =>
    resolveId({ group: parseApiVersion(apiVersion).group, kind, namespace, name }, run.cluster.discovery),
  );
  const own = objectKey({ ...KUSTOMIZATION, ...set.id });
  // As in Flux, nobody waits for themselves.
  return (set.settings.wait ? [...applied.map(({ id }) => id), ...children] : checks).filter(
    (id) => objectKey(id) !== own,
  );
}

async function readAwaited(run: ApplyRun, ids: readonly ObjectId[]): Promise<ReadonlyMap<string, Health>> {
  const found = new Map<string, Health>();
  const places = new Map<string, Place>();
  const singles: ObjectId[] = [];
  for (const id of ids.filter((id) => !isKustomization(id))) {
    if (!run.claims.has(objectKey(id))) {
      singles.push(id);
      continue;
    }
    const place = placeOf(run, id);
    const known = places.get(formatPlace(place)) ?? place;
    known.awaited.push(id);
    places.set(formatPlace(place), known);
  }
  const now = run.ports.clock.now();
  const note = (object: KubernetesObject) => found.set(objectKey(objectIdOf(object)), assessHealth(object, now));
  const noteRefusal = (id: ObjectId, error: unknown): void => {
    if (!(error instanceof KubernetesApiError)) throw error;
    found.set(objectKey(id), unknown(describeRefusal(id, error).message));
  };
  await runAtMost(AT_ONCE, [...places.values()], async ({ awaited, ...place }) => {
    try {
      (await listMembers(run, place)).forEach(note);
      // One that the list does not show may have lost its label alone.
      singles.push(...awaited.filter((id) => !found.has(objectKey(id))));
    } catch (error) {
      awaited.forEach((id) => noteRefusal(id, error));
    }
  });
  await runAtMost(AT_ONCE, singles, async (id) => {
    try {
      const object = await getOne(run, id);
      if (object !== undefined) {
        note(object);
      }
    } catch (error) {
      noteRefusal(id, error);
    }
  });
  return found;
}

async function listMembers(
  run: ApplyRun,
  { kind, ...place }: Omit<Place, 'awaited'>,
): Promise<readonly KubernetesObject[]> {
  const resource = findResource(run.cluster.discovery, kind);
  if (resource === undefined) return [];
  const request = { resource, ...place, labelSelector: APPLYSET_PART_OF_LABEL };
  return hasNoStatus(kind)
    ? (await run.ports.api.listMetadata(request)).map((metadata) => asObject(resource, metadata))
    : run.ports.api.list(request);
}

async function getOne(run: ApplyRun, id: ObjectId): Promise<KubernetesObject | undefined> {
  const resource = findResource(run.cluster.discovery, id);
  if (resource === undefined) return undefined;
  const address = { resource, namespace: id.namespace, name: id.name };
  if (!hasNoStatus(id)) return run.ports.api.get(address);
  const metadata = await run.ports.api.getMetadata(address);
  return metadata === undefined ? undefined : asObject(resource, metadata);
}

function asObject({ group, version, kind }: ApiResource, metadata: LiveMetadata): KubernetesObject {
  return { apiVersion: group === '' ? version : `${group}/${version}`, kind, metadata };
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

/**
 * Knows of Jobs that are gone whether the server removed them, as it does some time after they are done: only one that was
 * seen done, or that can have been done for so long since it was last seen at work, is. Any other somebody deleted.
 */
function missingJobs(run: ApplyRun, progress: SetProgress): (key: string) => Health | undefined {
  const { set, changes, seen, startedAt } = progress;
  const objects = set.render.kind === 'rendered' ? set.render.objects : [];
  const lives = new Map<string, number>();
  for (const object of objects) {
    const ttl = wholeNumber(fieldsOf(object, 'spec')['ttlSecondsAfterFinished']);
    const isJob = object.kind === JOB.kind && parseApiVersion(object.apiVersion).group === JOB.group;
    if (isJob && ttl !== undefined) {
      lives.set(objectKey(objectIdOf(object)), Number(ttl));
    }
  }
  return (key) => {
    const ttl = lives.get(key);
    if (ttl === undefined) return undefined;
    const last = seen.get(key);
    const made =
      changes.get(key)?.action === 'created' ? undefined : run.cluster.members.get(key)?.live.creationTimestamp;
    const notDoneBefore = last?.at ?? (made === undefined ? (startedAt ?? 0) : Date.parse(made));
    return last?.isCurrent === true || run.ports.clock.now() >= notDoneBefore + ttl * 1000
      ? { status: 'Current', message: 'finished and gone, as its ttlSecondsAfterFinished asks' }
      : {
          status: 'NotFound',
          message: `somebody deleted it: it was not done yet, and would have stayed for ${ttl} s (ttlSecondsAfterFinished) after that`,
        };
  };
}

function healthOf(run: ApplyRun, id: ObjectId, seen: Health | undefined): Health {
  if (isKustomization(id) && run.progress.has(formatNamespacedName(id))) {
    const ready = isReady(run, id);
    return { status: ready ? 'Current' : 'InProgress', message: ready ? 'ready' : 'not ready' };
  }
  return seen ?? { status: 'NotFound', message: 'there is no such object' };
}

function giveVerdict(run: ApplyRun, progress: SetProgress): void {
  const unhealthy = [...progress.health.values()].filter(({ status }) => status !== 'Current');
  if (unhealthy.length === 0) {
    markReady(progress);
    return;
  }
  const failed = unhealthy.filter(({ status }) => status === 'Failed');
  const waited = run.ports.clock.now() - (progress.awaitingSince ?? run.ports.clock.now());
  if (failed.length === 0 && waited < progress.set.settings.timeoutMs) return;
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
