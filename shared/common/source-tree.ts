/** One regular file of a source. Links, devices and submodules never become part of a tree. */
export interface SourceFile {
  readonly bytes: Uint8Array;
  readonly executable: boolean;
}

/** Files by path: relative to the root, `/` between parts, no `.` or `..` part. */
export type SourceTree = ReadonlyMap<string, SourceFile>;
