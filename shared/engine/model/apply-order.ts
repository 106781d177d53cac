import type { KubernetesObject } from '#shared/kubernetes/kubernetes-object.ts';

/** What later objects are made of comes first: `0` definitions and namespaces, `1` classes, `2` the rest. */
export type Stage = 0 | 1 | 2;
export const STAGES: readonly Stage[] = [0, 1, 2];

const FOUNDATIONS = ['CustomResourceDefinition', 'Namespace', 'ClusterRole'];
const FIRST = [
  ...FOUNDATIONS,
  'ClusterRoleBinding',
  'ResourceQuota',
  'ServiceAccount',
  'Role',
  'RoleBinding',
  'ConfigMap',
  'Secret',
  'Service',
  'LimitRange',
  'Deployment',
  'StatefulSet',
  'CronJob',
  'PodDisruptionBudget',
];
const LAST = ['MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration'];

/** The stage an object is applied in. */
export function stageOf(kind: string): Stage {
  if (FOUNDATIONS.includes(kind)) return 0;
  return kind.endsWith('Class') ? 1 : 2;
}

/** Order in which objects are started within a stage; deletion goes the other way. */
export function compareForApply(one: KubernetesObject, other: KubernetesObject): number {
  return (
    rankOf(one.kind) - rankOf(other.kind) ||
    compareText(one.kind, other.kind) ||
    compareText(one.metadata.namespace ?? '', other.metadata.namespace ?? '') ||
    compareText(one.metadata.name, other.metadata.name)
  );
}

/** Rank of a kind: the lower, the earlier. */
export function rankOf(kind: string): number {
  const first = FIRST.indexOf(kind);
  if (first >= 0) return stageOf(kind) * 1000 + first;
  return stageOf(kind) * 1000 + (LAST.includes(kind) ? 900 : 500);
}

function compareText(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
