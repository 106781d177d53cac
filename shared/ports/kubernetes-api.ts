import type { KubernetesObject } from '#shared/kubernetes/kubernetes-object.ts';

/** One kind as the server serves it, in the version it prefers or the one asked for. */
export interface ApiResource {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
}

export interface Discovery {
  /** `v1.36.1`. */
  readonly serverVersion: string;
  /** Every version of every kind; the preferred version of a group comes first. */
  readonly resources: readonly ApiResource[];
  /** Group versions that did not answer; while there is one, nothing may be called unknown. */
  readonly incomplete: readonly string[];
}

export interface ManagedFieldsEntry {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  readonly time?: string;
  readonly subresource?: string;
  readonly fieldsV1?: unknown;
}

export interface OwnerReference {
  readonly uid: string;
  readonly kind: string;
  readonly apiVersion?: string;
  readonly name?: string;
  readonly controller?: boolean;
}

export interface LiveMetadata {
  readonly name: string;
  readonly namespace?: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly OwnerReference[];
  readonly finalizers?: readonly string[];
  readonly managedFields?: readonly ManagedFieldsEntry[];
  readonly [field: string]: unknown;
}

export interface LiveObject extends KubernetesObject {
  readonly metadata: LiveMetadata;
}

export interface ObjectAddress {
  readonly resource: ApiResource;
  /** Empty for cluster-scoped kinds. */
  readonly namespace: string;
  readonly name: string;
}

/** Who a write is made for; it ends up in the User-Agent and so in the cluster's audit log. */
export interface Attribution {
  readonly kustomization: string;
  readonly revision: string;
}

/** The API server answered, and the answer was no. */
export interface KubernetesStatus {
  /** HTTP status code. */
  readonly code: number;
  /** `Invalid`, `Forbidden`, `Conflict`, … */
  readonly reason: string;
  readonly message: string;
  readonly causes: readonly { readonly reason?: string; readonly field?: string; readonly message?: string }[];
}

/** Thrown by every method of KubernetesApi for an answer that is not a success. Transport failures are TidegateError `retry`. */
export class KubernetesApiError extends Error {
  readonly status: KubernetesStatus;

  constructor(status: KubernetesStatus, options?: ErrorOptions) {
    super(status.message, options);
    this.name = 'KubernetesApiError';
    this.status = status;
  }
}

/** One Kubernetes API server. */
export interface KubernetesApi {
  discover(): Promise<Discovery>;
  /** Metadata only; all pages, or it throws: a partial list never looks like a whole one. */
  listMetadata(request: {
    readonly resource: ApiResource;
    readonly namespace?: string;
    readonly labelSelector?: string;
  }): Promise<readonly LiveMetadata[]>;
  /** Whole objects; all pages, or it throws. */
  list(request: {
    readonly resource: ApiResource;
    readonly namespace?: string;
    readonly labelSelector?: string;
  }): Promise<readonly LiveObject[]>;
  /** @returns undefined when there is no such object (404). */
  get(address: ObjectAddress): Promise<LiveObject | undefined>;
  /** As `get`, metadata only. */
  getMetadata(address: ObjectAddress): Promise<LiveMetadata | undefined>;
  /** Server-side apply as field manager `tidegate`, forced. */
  apply(request: {
    readonly resource: ApiResource;
    readonly object: KubernetesObject;
    readonly dryRun?: boolean;
    readonly attribution?: Attribution;
  }): Promise<LiveObject>;
  create(request: { readonly resource: ApiResource; readonly object: KubernetesObject }): Promise<LiveObject>;
  /** PUT; `metadata.resourceVersion` in the object makes it a compare-and-swap. */
  replace(request: { readonly resource: ApiResource; readonly object: KubernetesObject }): Promise<LiveObject>;
  /** DELETE in the background with both preconditions; 404 is not an error. */
  delete(request: {
    readonly address: ObjectAddress;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly attribution?: Attribution;
  }): Promise<'deleted' | 'gone'>;
}
