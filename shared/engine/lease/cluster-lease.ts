import { z } from 'zod';

import { TidegateError } from '#shared/common/tidegate-error.ts';
import { KubernetesApiError } from '#shared/kubernetes/api-error.ts';
import type { ApiResource } from '#shared/kubernetes/discovery.ts';
import type { KubernetesObject } from '#shared/kubernetes/kubernetes-object.ts';
import type { LiveObject } from '#shared/kubernetes/live-object.ts';
import { TIDEGATE_NAMESPACE } from '#shared/kubernetes/names.ts';
import type { Clock } from '#shared/ports/clock.ts';
import { type KubernetesApi } from '#shared/ports/kubernetes-api.ts';

const LEASE_SECONDS = 15;
const LEASE_NAME = 'tidegate-reconcile';
const RENEW_MS = 5000;
/** A holder stops believing in its lease before anyone else may take it. */
const TRUST_MS = 12_000;
const WATCH_MS = 500;

/** Leases, which every server has. */
export const LEASES: ApiResource = {
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  plural: 'leases',
  namespaced: true,
  verbs: [],
};
export const NAMESPACES: ApiResource = {
  group: '',
  version: 'v1',
  kind: 'Namespace',
  plural: 'namespaces',
  namespaced: false,
  verbs: [],
};

const LeaseSpec = z.looseObject({
  holderIdentity: z.string().nullish(),
  renewTime: z.string().nullish(),
  leaseDurationSeconds: z.number().nullish(),
});

/** The right to write to a cluster, while it lasts. */
export interface ClusterLease {
  /** By our own clock since the last renewal that the server confirmed. */
  holds(): boolean;
  /** Gives it back, so that the next run need not wait. */
  release(): Promise<void>;
}

/**
 * Takes the lease that lies in the cluster, so that every run of every installation excludes the others. A lease that
 * somebody else holds is taken over when it did not move for its whole duration by our clock; clocks are never compared.
 * @returns undefined when another run still holds it at `giveUpAt` (milliseconds since the epoch).
 */
export async function acquireClusterLease(
  api: KubernetesApi,
  clock: Clock,
  options: {
    /** Names this run and no other; the same name takes its own lease again at once. */
    readonly holder: string;
    readonly giveUpAt: number;
  },
): Promise<ClusterLease | undefined> {
  let seen = { mark: '', since: clock.now() };
  for (;;) {
    const lease = await readLease(api);
    const spec = lease === undefined ? undefined : LeaseSpec.parse(lease['spec'] ?? {});
    const mark = `${spec?.holderIdentity ?? ''} ${spec?.renewTime ?? ''} ${lease?.metadata.uid ?? ''}`;
    if (mark !== seen.mark) {
      seen = { mark, since: clock.now() };
    }
    const duration = (spec?.leaseDurationSeconds ?? LEASE_SECONDS) * 1000;
    const free = (spec?.holderIdentity ?? '') === '' || spec?.holderIdentity === options.holder;
    if (free || clock.now() - seen.since >= duration) {
      const confirmedAt = clock.now();
      const taken = await writeLease(api, clock, lease, options.holder);
      if (taken !== undefined) return keepLease(api, clock, taken, options.holder, confirmedAt);
    }
    if (clock.now() + WATCH_MS > options.giveUpAt) return undefined;
    await clock.sleep(WATCH_MS);
  }
}

function keepLease(api: KubernetesApi, clock: Clock, taken: LiveObject, holder: string, takenAt: number): ClusterLease {
  const stop = new AbortController();
  let lease: LiveObject | undefined = taken;
  let confirmedAt = takenAt;
  const renew = async (): Promise<void> => {
    while (!stop.signal.aborted && lease !== undefined) {
      await clock.sleep(RENEW_MS, stop.signal).catch(() => undefined);
      if (stop.signal.aborted) return;
      const startedAt = clock.now();
      try {
        lease = (await writeLease(api, clock, lease, holder)) ?? (await stillOurs(api, holder));
        confirmedAt = lease === undefined ? confirmedAt : startedAt;
      } catch {
        // Not confirmed: the trust of the last renewal runs on, and the loop tries again.
      }
    }
  };
  const renewing = renew();
  return {
    holds: () => lease !== undefined && !stop.signal.aborted && clock.now() - confirmedAt < TRUST_MS,
    async release() {
      stop.abort();
      await renewing;
      if (lease !== undefined && clock.now() - confirmedAt < TRUST_MS) {
        await writeLease(api, clock, lease, '').catch(() => undefined);
      }
    },
  };
}

// The answer to a renewal may have got lost: the server then refuses the next one, although we hold the lease.
async function stillOurs(api: KubernetesApi, holder: string): Promise<LiveObject | undefined> {
  const lease = await readLease(api);
  return lease !== undefined && LeaseSpec.parse(lease['spec'] ?? {}).holderIdentity === holder ? lease : undefined;
}

async function readLease(api: KubernetesApi): Promise<LiveObject | undefined> {
  return api.get({ resource: LEASES, namespace: TIDEGATE_NAMESPACE, name: LEASE_NAME });
}

/** @returns undefined when somebody else was faster. */
async function writeLease(
  api: KubernetesApi,
  clock: Clock,
  before: LiveObject | undefined,
  holder: string,
): Promise<LiveObject | undefined> {
  const object: KubernetesObject = {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: {
      name: LEASE_NAME,
      namespace: TIDEGATE_NAMESPACE,
      ...(before === undefined ? {} : { uid: before.metadata.uid, resourceVersion: before.metadata.resourceVersion }),
    },
    spec: {
      holderIdentity: holder,
      leaseDurationSeconds: LEASE_SECONDS,
      renewTime: new Date(clock.now()).toISOString().replace('Z', '000Z'),
    },
  };
  try {
    return before === undefined ? await createLease(api, object) : await api.replace({ resource: LEASES, object });
  } catch (error) {
    if (isOvertaken(error)) return undefined;
    throw error;
  }
}

/** Whether a write that carried what it assumed was refused because somebody else was faster. */
export function isOvertaken(error: unknown): boolean {
  return error instanceof KubernetesApiError && (error.status.code === 409 || error.status.code === 404);
}

async function createLease(api: KubernetesApi, object: KubernetesObject): Promise<LiveObject> {
  try {
    return await api.create({ resource: LEASES, object });
  } catch (error) {
    if (!(error instanceof KubernetesApiError) || error.status.code !== 404) throw error;
  }
  await createNamespace(api);
  return api.create({ resource: LEASES, object });
}

async function createNamespace(api: KubernetesApi): Promise<void> {
  const object = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: TIDEGATE_NAMESPACE } };
  try {
    await api.create({ resource: NAMESPACES, object });
  } catch (error) {
    if (error instanceof KubernetesApiError && error.status.code === 409) return;
    if (error instanceof KubernetesApiError && error.status.code === 403) {
      throw new TidegateError(
        'ClusterForbidden',
        `namespace ${TIDEGATE_NAMESPACE}: does not exist and may not be created; create it, or allow it: ${error.message}`,
        { disposition: 'stall', subject: `namespace ${TIDEGATE_NAMESPACE}`, cause: error },
      );
    }
    throw error;
  }
}
