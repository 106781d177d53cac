/** A repository on a GitHub server. */
export interface RepositoryId {
  readonly owner: string;
  readonly name: string;
}

export interface ChangeRequest {
  readonly number: number;
  readonly url: string;
  readonly state: 'open' | 'closed' | 'merged';
  readonly title: string;
  readonly body: string;
  readonly head: { readonly branch: string; readonly oid: string };
  readonly base: string;
  readonly mergeCommit?: string;
  readonly updatedAt: string;
}

/** Where changes to the configuration repository are proposed: GitHub. */
export interface ChangeHost {
  /** @returns the commit a branch points to, or undefined when there is no such branch. */
  readBranch(repository: RepositoryId, branch: string): Promise<string | undefined>;
  /** Commits on `head` that are not on `base`, oldest first; `ours` where this installation is the author. */
  listCommits(
    repository: RepositoryId,
    range: { readonly base: string; readonly head: string },
  ): Promise<readonly { readonly oid: string; readonly message: string; readonly ours: boolean }[]>;
  /** One commit on top of `parent`, on no branch yet. Signed by GitHub when made as an App. */
  createCommit(
    repository: RepositoryId,
    commit: {
      readonly parent: string;
      readonly message: string;
      readonly files: readonly { readonly path: string; readonly content: Uint8Array; readonly executable?: boolean }[];
    },
  ): Promise<string>;
  /** Compare-and-swap: `from` undefined creates the branch, `to` undefined deletes it. */
  moveBranch(
    repository: RepositoryId,
    move: { readonly branch: string; readonly from: string | undefined; readonly to: string | undefined },
  ): Promise<'moved' | 'conflict'>;
  /** Newest first; open, closed and merged, from the branch into the base. */
  listChangeRequests(
    repository: RepositoryId,
    filter: { readonly head: string; readonly base: string },
  ): Promise<readonly ChangeRequest[]>;
  /** Opens, or returns the one that is open already for this head and base. */
  openChangeRequest(
    repository: RepositoryId,
    request: { readonly head: string; readonly base: string; readonly title: string; readonly body: string },
  ): Promise<ChangeRequest>;
  updateChangeRequest(
    repository: RepositoryId,
    number: number,
    change: { readonly title?: string; readonly body?: string; readonly state?: 'closed' },
  ): Promise<void>;
}
