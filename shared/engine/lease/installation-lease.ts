import { z } from 'zod';

import { defined } from '#shared/common/defined.ts';
import type { KubernetesObject } from '#shared/kubernetes/kubernetes-object.ts';
import type { LiveObject } from '#shared/kubernetes/live-object.ts';
import { ADOPT_INSTALLATION_ANNOTATION, TIDEGATE_NAMESPACE } from '#shared/kubernetes/names.ts';
import type { KubernetesApi } from '#shared/ports/kubernetes-api.ts';

import { DEFAULT_INSTALLATION } from '../inventory/apply-set-id.ts';
import { isOvertaken, LEASES } from './cluster-lease.ts';
import { placeAnnotations, readPlace, readSince, sinceAnnotation, type ConfigurationPlace } from './installation.ts';

/** Stands for the time at which the server makes the lease. */
export const SINCE_CREATION = 'creation';
const ADOPTED_ANNOTATION = 'tidegate.dev/adopted-installations';
/** More than anybody adopts; the oldest are forgotten. */
const MAX_ADOPTED = 50;

const HolderSpec = z.looseObject({ holderIdentity: z.string().nullish() });

/** Who holds the name of an installation in a cluster. */
export interface NameHolder {
  readonly name: string;
  readonly identity: string;
  readonly place?: ConfigurationPlace;
  /** Identities whose inventory became the holder's. */
  readonly adopted: readonly string[];
  /** As of the installation; `SINCE_CREATION` in one that is to be written: since the lease is there. */
  readonly since?: string;
}

/** The lease of a name as it stands: it lies beside the lease of the cluster, and never runs out. */
export interface InstallationLease extends NameHolder {
  /** Who may take it, as a person said. */
  readonly adopter?: string;
  readonly live: LiveObject;
}

/** `lease/tidegate-installation`, for the name of an installation. */
export function installationLeaseName(name: string): string {
  return name === DEFAULT_INSTALLATION ? 'tidegate-installation' : `tidegate-installation.${name}`;
}

/** @returns undefined when nobody holds the name. */
export async function readInstallationLease(api: KubernetesApi, name: string): Promise<InstallationLease | undefined> {
  const live = await api.get({
    resource: LEASES,
    namespace: TIDEGATE_NAMESPACE,
    name: installationLeaseName(name),
  });
  const identity = live === undefined ? undefined : HolderSpec.safeParse(live['spec'] ?? {}).data?.holderIdentity;
  if (live === undefined) return undefined;
  const annotations = live.metadata.annotations ?? {};
  const place = readPlace(annotations);
  const adopter = annotations[ADOPT_INSTALLATION_ANNOTATION]?.trim();
  return {
    name,
    identity: identity ?? '',
    ...defined({ place }),
    adopted: (annotations[ADOPTED_ANNOTATION] ?? '').split(',').filter((one) => one !== ''),
    ...resolveSince(live),
    ...(adopter === undefined || adopter === '' ? {} : { adopter }),
    live,
  };
}

function resolveSince({ metadata }: LiveObject): { readonly since?: string } {
  const said = readSince(metadata.annotations ?? {});
  if (said.since !== SINCE_CREATION) return said;
  return metadata.creationTimestamp === undefined ? {} : { since: metadata.creationTimestamp };
}

/**
 * Writes who holds a name, if nobody wrote since `before` was read.
 * @returns false when somebody else was faster.
 */
export async function writeInstallationLease(
  api: KubernetesApi,
  before: InstallationLease | undefined,
  holder: NameHolder,
): Promise<boolean> {
  const adopted = [...new Set(holder.adopted)].filter((one) => one !== holder.identity).slice(-MAX_ADOPTED);
  const object: KubernetesObject = {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: {
      name: installationLeaseName(holder.name),
      namespace: TIDEGATE_NAMESPACE,
      ...(before === undefined
        ? {}
        : { uid: before.live.metadata.uid, resourceVersion: before.live.metadata.resourceVersion }),
      annotations: {
        ...(holder.place === undefined ? {} : placeAnnotations(holder.place)),
        ...sinceAnnotation(holder.since),
        ...(adopted.length === 0 ? {} : { [ADOPTED_ANNOTATION]: adopted.join(',') }),
        // What a person said to somebody else stays said until that one comes; once followed, it is used up.
        ...(before?.adopter === undefined || before.adopter === holder.identity
          ? {}
          : { [ADOPT_INSTALLATION_ANNOTATION]: before.adopter }),
      },
    },
    spec: { holderIdentity: holder.identity },
  };
  try {
    await (before === undefined ? api.create({ resource: LEASES, object }) : api.replace({ resource: LEASES, object }));
    return true;
  } catch (error) {
    if (isOvertaken(error)) return false;
    throw error;
  }
}
