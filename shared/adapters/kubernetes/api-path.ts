import type { ApiResource } from '#shared/kubernetes/discovery.ts';

/** Path of a collection, or of one object in it; `namespace` is ignored for cluster-scoped kinds. */
export function apiPath(resource: ApiResource, namespace: string | undefined, name?: string): string {
  const root = resource.group === '' ? '/api' : `/apis/${encodeURIComponent(resource.group)}`;
  const scope =
    resource.namespaced && namespace !== undefined && namespace !== ''
      ? `/namespaces/${encodeURIComponent(namespace)}`
      : '';
  const object = name === undefined ? '' : `/${encodeURIComponent(name)}`;
  return `${root}/${encodeURIComponent(resource.version)}${scope}/${encodeURIComponent(resource.plural)}${object}`;
}
