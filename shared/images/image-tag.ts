/** One tag of an image repository, as its registry lists it. */
export interface ImageTag {
  readonly tag: string;
  /** `sha256:<hex>`. */
  readonly digest: string;
  /** Milliseconds since the epoch, where the registry knows it. */
  readonly pushedAt?: number;
}
