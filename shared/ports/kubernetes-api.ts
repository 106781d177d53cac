import type { ApiResource, Discovery } from '#shared/kubernetes/discovery.ts';
import type { KubernetesObject } from '#shared/kubernetes/kubernetes-object.ts';
import type { LiveMetadata, LiveObject } from '#shared/kubernetes/live-object.ts';

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
