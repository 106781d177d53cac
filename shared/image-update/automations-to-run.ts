import type { FluxObjects } from '#shared/flux/flux-objects.ts';
import type { ImagePolicy } from '#shared/flux/kinds/image-policy.ts';
import type { ImageUpdateAutomation } from '#shared/flux/kinds/image-update-automation.ts';
import { formatNamespacedName, type FluxKind, type NamespacedName } from '#shared/flux/resource-key.ts';
import { parseEcrImage, type EcrImage } from '#shared/images/image-reference.ts';
import type { StatusRecord } from '#shared/records/journal-record.ts';
import { comparableUrl } from '#shared/sources/source-url.ts';
import type { WorkMessage } from '#shared/work/work-message.ts';

import { findStatus } from './find-status.ts';
import { resolveCheckout, type Checkout, type CheckoutSettings } from './resolve-checkout.ts';

/** What image-update is told: a work message, or that an image was pushed. */
export type ImageHint = WorkMessage | { readonly type: 'ImagePushed'; readonly image: EcrImage };

/** What a cluster asks for and how far it is. */
export interface ClusterImages {
  readonly fluxObjects: FluxObjects;
  readonly statuses: readonly StatusRecord[];
}

/** What one hint sets in motion in one cluster. */
export interface ImageRun {
  readonly cluster: string;
  readonly imageRepositories: readonly NamespacedName[];
  readonly automations: readonly NamespacedName[];
}

/** Finds out whom a hint concerns; a hint that concerns nobody makes no run. */
export function automationsToRun(
  hint: ImageHint,
  clusters: readonly ClusterImages[],
  settings: CheckoutSettings,
  now: number,
): readonly ImageRun[] {
  return clusters
    .map((cluster) => runOf(hint, cluster, settings, now))
    .filter((run) => run.imageRepositories.length > 0 || run.automations.length > 0);
}

/** Whether an automation writes what a policy chooses: same namespace, and selected by its labels if it asks for labels. */
export function usesPolicy(automation: ImageUpdateAutomation, policy: ImagePolicy): boolean {
  const wanted = Object.entries(automation.policySelector?.matchLabels ?? {});
  return (
    automation.namespace === policy.namespace && wanted.every(([label, value]) => policy.labels?.[label] === value)
  );
}

function runOf(hint: ImageHint, cluster: ClusterImages, settings: CheckoutSettings, now: number): ImageRun {
  const { fluxObjects } = cluster;
  const nothing: ImageRun = { cluster: fluxObjects.cluster, imageRepositories: [], automations: [] };
  const repositories = fluxObjects.imageRepositories.filter(({ suspend }) => !suspend);
  const automations = fluxObjects.imageUpdateAutomations.filter(({ suspend }) => !suspend);
  switch (hint.type) {
    case 'ImagePushed': {
      const pushed = repositories.filter(({ image }) => isSameRepository(parseEcrImage(image), hint.image));
      return { ...nothing, imageRepositories: pushed, automations: automationsOf(pushed, fluxObjects, automations) };
    }
    case 'Tick':
      return {
        ...nothing,
        imageRepositories: repositories.filter((item) => isDue('ImageRepository', item, cluster.statuses, now)),
        automations: automations.filter((item) => isDue('ImageUpdateAutomation', item, cluster.statuses, now)),
      };
    case 'InstructionsChanged':
      return hint.cluster === fluxObjects.cluster
        ? { ...nothing, imageRepositories: repositories, automations }
        : nothing;
    case 'PullRequestChanged':
    case 'RepositoryPushed':
      return {
        ...nothing,
        automations: automations.filter((automation) => {
          const checkout = tryResolveCheckout(fluxObjects, automation, settings);
          if (checkout === undefined || comparableUrl(checkout.url) !== comparableUrl(hint.repository)) return false;
          if (hint.type === 'PullRequestChanged') return true;
          const { base, branch } = checkout;
          return hint.ref === `refs/heads/${base}` || hint.ref.startsWith(`refs/heads/${branch}`);
        }),
      };
    case 'SyncSource':
    case 'Reconcile':
      return nothing;
  }
}

/** ECR has several hosts for one repository. */
function isSameRepository(one: EcrImage | undefined, other: EcrImage): boolean {
  if (one === undefined) return false;
  return one.account === other.account && one.region === other.region && one.repository === other.repository;
}

/** The automations that write what the policies of these image repositories choose. */
function automationsOf(
  repositories: readonly NamespacedName[],
  fluxObjects: FluxObjects,
  automations: readonly ImageUpdateAutomation[],
): readonly NamespacedName[] {
  const names = new Set(repositories.map(formatNamespacedName));
  const policies = fluxObjects.imagePolicies.filter(({ imageRepositoryRef }) =>
    names.has(formatNamespacedName(imageRepositoryRef)),
  );
  return automations.filter((automation) => policies.some((policy) => usesPolicy(automation, policy)));
}

function isDue(kind: FluxKind, item: NamespacedName, statuses: readonly StatusRecord[], now: number): boolean {
  const status = findStatus(statuses, { kind, ...item });
  return status?.dueAt === undefined || status.dueAt <= now;
}

/** Where an automation reads and writes; undefined when its source is wrong, which its own run says. */
export function tryResolveCheckout(
  fluxObjects: FluxObjects,
  automation: ImageUpdateAutomation,
  settings: CheckoutSettings,
): Checkout | undefined {
  try {
    return resolveCheckout(fluxObjects.cluster, automation, fluxObjects.gitRepositories, settings);
  } catch {
    return undefined;
  }
}
