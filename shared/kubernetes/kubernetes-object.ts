import type { FILLED_FIELDS, FilledField } from './filled-fields.ts';

/** A Kubernetes object as rendered or read: only what every object has is typed, the rest stays unknown. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  /** Beside the object, for messages: what variables made of its texts. */
  readonly [FILLED_FIELDS]?: readonly FilledField[];
  readonly [field: string]: unknown;
}

export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

/** Identity of an object across versions. `namespace` is the empty string for a cluster-scoped object. */
export interface ObjectId {
  readonly group: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** Splits `apps/v1` into group and version; the core group is the empty string. */
export function parseApiVersion(apiVersion: string): { readonly group: string; readonly version: string } {
  const slash = apiVersion.indexOf('/');
  return slash < 0
    ? { group: '', version: apiVersion }
    : { group: apiVersion.slice(0, slash), version: apiVersion.slice(slash + 1) };
}

/** The identity an object claims for itself. */
export function objectIdOf(object: KubernetesObject): ObjectId {
  return {
    group: parseApiVersion(object.apiVersion).group,
    kind: object.kind,
    namespace: object.metadata.namespace ?? '',
    name: object.metadata.name,
  };
}

/** A map key; unique, because none of the parts may hold an underscore in Kubernetes but the name, which stands last. */
export function objectKey(id: ObjectId): string {
  return `${id.namespace}_${id.group}_${id.kind}_${id.name}`;
}

/** `Deployment/podinfo/podinfo`, as Flux writes objects in events. */
export function formatObjectId(id: ObjectId): string {
  return id.namespace === '' ? `${id.kind}/${id.name}` : `${id.kind}/${id.namespace}/${id.name}`;
}
