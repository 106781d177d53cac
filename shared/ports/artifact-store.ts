/** Content-addressed bytes, written once: a digest is `sha256:<hex>` of what is stored. */
export interface ArtifactStore {
  /** Whether it is there, and what it should be as far as the store knows without reading it. */
  has(digest: string): Promise<boolean>;
  /**
   * Keeps an artifact that is in use from being forgotten for its age.
   * @returns whether it is there.
   */
  keep(digest: string): Promise<boolean>;
  /** Storing the same bytes again is not an error. */
  put(digest: string, bytes: Uint8Array): Promise<void>;
  /** @throws TidegateError `ArtifactFailed` when it is missing or its digest does not match. */
  get(digest: string): Promise<Uint8Array>;
}
