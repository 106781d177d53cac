import { createHash } from 'node:crypto';

import type { NamespacedName } from '#shared/flux/resource-key.ts';
import { TIDEGATE_NAMESPACE } from '#shared/kubernetes/names.ts';

/** What an installation is called that the settings give no name. */
export const DEFAULT_INSTALLATION = 'default';
const LONGEST_NAME = 253;

/** Names one ApplySet of a cluster: a Kustomization, and the installation that applies it. */
export interface ApplySetName extends NamespacedName {
  /** Absent for the default one, whose sets keep the ids they had before installations had names. */
  readonly installation?: string;
}

/** Name of the ConfigMap in `tidegate-system` that is the ApplySet parent of a Kustomization. */
export function applySetParentName({ installation, namespace, name }: ApplySetName): string {
  // Neither an installation's name nor a namespace holds a dot, so no two of them share a name.
  const prefix = installation === undefined ? '' : `installation.${installation}.`;
  const whole = `${prefix}kustomization.${namespace}.${name}`;
  if (whole.length <= LONGEST_NAME) return whole;
  const digest = createHash('sha256').update(whole).digest('hex').slice(0, 16);
  return `${whole.slice(0, LONGEST_NAME - 17)}-${digest}`;
}

/** The ApplySet id of a Kustomization: KEP-3659's formula for its parent. */
export function applySetId(set: ApplySetName): string {
  const parent = `${applySetParentName(set)}.${TIDEGATE_NAMESPACE}.ConfigMap.`;
  return `applyset-${createHash('sha256').update(parent).digest('base64url')}-v1`;
}

/** The name of a Kustomization's set in the inventory of an installation. */
export function nameApplySet({ namespace, name }: NamespacedName, installation: string): ApplySetName {
  return { namespace, name, ...(installation === DEFAULT_INSTALLATION ? {} : { installation }) };
}

/** The Kustomization of a set, as everybody outside the engine knows it. */
export function kustomizationOf({ namespace, name }: ApplySetName): NamespacedName {
  return { namespace, name };
}

/** `team-b`, or `default`. */
export function installationOf({ installation = DEFAULT_INSTALLATION }: ApplySetName): string {
  return installation;
}
