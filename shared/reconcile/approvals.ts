import type { PruneApproval } from '#shared/engine/model/apply-request.ts';
import type { NamespacedName } from '#shared/flux/resource-key.ts';
import { formatNamespacedName } from '#shared/flux/resource-key.ts';
import type { ObjectId } from '#shared/kubernetes/kubernetes-object.ts';
import { formatObjectId, objectIdOf } from '#shared/kubernetes/kubernetes-object.ts';
import { APPROVE_PRUNE_ANNOTATION } from '#shared/kubernetes/names.ts';

import type { DesiredState, KustomizationNode } from './desired-state.ts';

/** One approval as somebody wrote it, wherever that is. */
export interface GivenApproval {
  /** `Kustomization flux-system/apps`, `ConfigMap/app/settings`, `cluster production in tidegate.yaml`. */
  readonly on: string;
  /** The object that carries it and the Kustomization that renders that; absent for the settings. */
  readonly carrier?: { readonly id: ObjectId; readonly renderedBy: KustomizationNode };
  readonly text: string;
  /** Absent when the text reads otherwise. */
  readonly approval?: PruneApproval;
  /** Whether it stands where it is heard. */
  readonly isHeard: boolean;
}

const KUSTOMIZATION = { group: 'kustomize.toolkit.fluxcd.io', kind: 'Kustomization' };

/**
 * All approvals of the settings and of Git. Heard are those of the settings, and those on a Kustomization for the prunes
 * of the ones it renders, so that nobody approves for another's folder. Of one that is gone from Git nobody knows any more
 * who rendered it; there every Kustomization is heard.
 */
export function collectApprovals(desired: DesiredState, approvePrune: string | undefined): readonly GivenApproval[] {
  const present = new Set(desired.nodes.map((one) => formatNamespacedName(one.kustomization)));
  const parents = parentsOf(desired);
  const settings = splitApprovals(approvePrune).map((text): GivenApproval => ({
    on: settingsOf(desired),
    ...readText(text),
    isHeard: true,
  }));
  const onKustomizations = desired.nodes.flatMap((node) => {
    const id = kustomizationId(node.kustomization);
    const children = new Set(node.children.map(formatNamespacedName));
    const renderedBy = parents.get(formatNamespacedName(node.kustomization)) ?? node;
    return splitApprovals(node.kustomization.annotations[APPROVE_PRUNE_ANNOTATION]).map((text): GivenApproval => {
      const read = readText(text);
      const name = read.approval === undefined ? '' : formatNamespacedName(read.approval.kustomization);
      return {
        on: describeKustomization(node.kustomization),
        carrier: { id, renderedBy },
        ...read,
        isHeard: children.has(name) || !present.has(name),
      };
    });
  });
  const elsewhere = desired.nodes.flatMap((node) =>
    (node.render.kind === 'rendered' ? node.render.objects : []).flatMap((object) => {
      const id = objectIdOf(object);
      const texts = splitApprovals(object.metadata.annotations?.[APPROVE_PRUNE_ANNOTATION]);
      return texts.map((text): GivenApproval => ({
        on: formatObjectId(id),
        carrier: { id, renderedBy: node },
        ...readText(text),
        isHeard: false,
      }));
    }),
  );
  return [...settings, ...onKustomizations, ...elsewhere];
}

/** The Kustomization that renders each, by name; the root is rendered by nobody. */
export function parentsOf({ nodes }: Pick<DesiredState, 'nodes'>): ReadonlyMap<string, KustomizationNode> {
  return new Map(nodes.flatMap((node) => node.children.map((child) => [formatNamespacedName(child), node] as const)));
}

/** Reads `"<namespace>/<kustomization>=<count>"`, several divided by commas; what reads otherwise approves nothing. */
export function parseApprovals(text: string | undefined): readonly PruneApproval[] {
  return splitApprovals(text).flatMap((part) => readText(part).approval ?? []);
}

export function kustomizationId({ namespace, name }: NamespacedName): ObjectId {
  return { ...KUSTOMIZATION, namespace, name };
}

export function describeKustomization(name: NamespacedName): string {
  return `Kustomization ${formatNamespacedName(name)}`;
}

/** Where the root's approvals stand, and of all that nothing in Git renders. */
export function settingsOf({ cluster }: Pick<DesiredState, 'cluster'>): string {
  return `cluster ${cluster} in tidegate.yaml`;
}

export function formatApproval({ kustomization, count }: PruneApproval): string {
  return `${formatNamespacedName(kustomization)}=${count}`;
}

function splitApprovals(text: string | undefined): readonly string[] {
  return (text ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function readText(text: string): Pick<GivenApproval, 'text' | 'approval'> {
  const match = /^([a-z0-9.-]+)\/([a-z0-9.-]+)=(\d{1,6})$/.exec(text);
  if (match === null) return { text };
  const [, namespace = '', name = '', count = ''] = match;
  return { text, approval: { kustomization: { namespace, name }, count: Number(count) } };
}
