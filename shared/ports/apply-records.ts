/** The cache of what the last runs applied, one small blob per cluster. Losing it costs one full apply. */
export interface ApplyRecords {
  /** @returns undefined when there is none, or it cannot be read. */
  load(cluster: string): Promise<Uint8Array | undefined>;
  save(cluster: string, bytes: Uint8Array): Promise<void>;
}
