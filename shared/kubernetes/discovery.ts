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
