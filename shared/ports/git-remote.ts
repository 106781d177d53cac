import type { SourceTree } from '#shared/common/source-tree.ts';

export interface GitRef {
  /** Full name: `refs/heads/main`, `refs/tags/v1.0.0`. */
  readonly name: string;
  readonly oid: string;
  /** The commit that an annotated tag points to. */
  readonly peeled?: string;
}

export interface GitCredentials {
  readonly username: string;
  readonly password: string;
  /** Since when the server can know them, where they were made for us; milliseconds since the epoch. */
  readonly madeAt?: number;
}

export interface GitFetch {
  readonly url: string;
  readonly credentials?: GitCredentials;
  /** Commit to read. */
  readonly oid: string;
  /** Ref that led to it, for servers that refuse to serve a bare commit. */
  readonly refName?: string;
  readonly timeoutMs: number;
  readonly limits: { readonly files: number; readonly bytes: number };
  /** Told once which links and submodules the tree had, when it had any. */
  readonly onLeftOut?: (paths: readonly string[]) => void;
}

/** Any git server over HTTP(S). */
export interface GitRemote {
  /** @throws TidegateError `GitOperationFailed` (retry) or `AuthenticationFailed` (stall). */
  listRefs(request: {
    readonly url: string;
    readonly credentials?: GitCredentials;
    readonly timeoutMs: number;
  }): Promise<readonly GitRef[]>;
  /** Fetches one commit's tree without history. Files that are links or submodules are left out. */
  fetchTree(request: GitFetch): Promise<SourceTree>;
}
