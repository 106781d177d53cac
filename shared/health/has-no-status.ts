const NO_STATUS = new Set([
  '/ConfigMap',
  '/Secret',
  '/ServiceAccount',
  '/LimitRange',
  'networking.k8s.io/NetworkPolicy',
  'networking.k8s.io/IngressClass',
  'rbac.authorization.k8s.io/ClusterRole',
  'rbac.authorization.k8s.io/ClusterRoleBinding',
  'rbac.authorization.k8s.io/Role',
  'rbac.authorization.k8s.io/RoleBinding',
  'scheduling.k8s.io/PriorityClass',
  'storage.k8s.io/StorageClass',
]);

/** Kinds that are current once applied, so that nobody has to read them whole: a list of Secrets is their content. */
export function hasNoStatus(kind: { readonly group: string; readonly kind: string }): boolean {
  return NO_STATUS.has(`${kind.group}/${kind.kind}`);
}
