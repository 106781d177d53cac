/** A repository on a GitHub server. */
export interface RepositoryId {
  readonly owner: string;
  readonly name: string;
}

/** A commit as a pull request or a branch shows it. */
export interface HostedCommit {
  readonly oid: string;
  readonly message: string;
  readonly parents: readonly string[];
}

/** A commit, and who made it. */
export interface BranchCommit extends HostedCommit {
  /** This installation is the author. */
  readonly ours: boolean;
  /** The host itself made it for somebody: a merge, a squash, an "Update branch". */
  readonly byHost: boolean;
}

/** What one commit has that another has not. */
export interface Comparison {
  readonly mergeBase: string;
  /** In no particular order. */
  readonly commits: readonly BranchCommit[];
  readonly files: readonly ChangedFile[];
}

export interface ChangeRequest {
  readonly number: number;
  readonly url: string;
  readonly state: 'open' | 'closed' | 'merged';
  /** Who of us opened it: the App, or the user whose token we use and who opens others by hand; undefined for everybody else. */
  readonly openedAs?: 'app' | 'user';
  readonly title: string;
  readonly body: string;
  /** Where it is now, or was when it was closed: what happens to its branch later does not show here. */
  readonly head: { readonly branch: string; readonly oid: string };
  readonly base: string;
  /** The last ones, oldest first; at most ten. */
  readonly commits: readonly HostedCommit[];
  /** The last comments of people who may write to the repository, oldest first. */
  readonly comments: readonly { readonly text: string; readonly at: string }[];
  readonly createdAt: string;
  readonly updatedAt: string;
  /** When it was closed or merged. */
  readonly closedAt?: string;
  readonly mergeCommit?: string;
}

/** How a commit differs from another, file by file. */
export interface ChangedFile {
  readonly path: string;
  /** Object id of the new content. */
  readonly oid: string;
  /** The lines taken out and put in, in order, each behind `-` or `+`; undefined where the host does not show them. */
  readonly lines?: readonly string[];
}

/** What a pull request says, and whether it is still open. */
export interface WrittenChangeRequest {
  readonly state: ChangeRequest['state'];
  readonly title: string;
  readonly body: string;
}

/**
 * What a rule of the repository forbids: to make a branch, to make one of this name, to move it back or aside, to delete it, to
 * write to it other than by a pull request, without a signature, before checks have passed, while it waits to be merged, or at
 * all.
 */
export type BranchRule =
  | 'creation'
  | 'name'
  | 'force-push'
  | 'deletion'
  | 'pull-request'
  | 'signature'
  | 'status-check'
  | 'queued'
  | 'protected'
  | 'other';

/** How the move of a branch ended. */
export type BranchMove =
  | { readonly outcome: 'moved' | 'conflict' }
  /** In the words of the host. */
  | { readonly outcome: 'refused'; readonly rule: BranchRule; readonly reason: string };

/** Where changes to the configuration repository are proposed: GitHub. */
export interface ChangeHost {
  /** What the host knows a repository by, whatever it is called. */
  identify(repository: RepositoryId): Promise<string>;
  /** @returns the commit a branch points to, or undefined when there is no such branch. */
  readBranch(repository: RepositoryId, branch: string): Promise<string | undefined>;
  readCommit(repository: RepositoryId, oid: string): Promise<BranchCommit>;
  /** Compares two commits by their newest common ancestor; undefined when they have none. */
  compare(
    repository: RepositoryId,
    range: { readonly base: string; readonly head: string },
  ): Promise<Comparison | undefined>;
  /**
   * One commit, on no branch yet: the tree of its last parent with these files. Signed by GitHub when made as an App.
   * Without files it holds exactly what its last parent holds.
   */
  createCommit(
    repository: RepositoryId,
    commit: {
      readonly parents: readonly [string, ...string[]];
      readonly message: string;
      readonly files: readonly { readonly path: string; readonly content: Uint8Array; readonly executable?: boolean }[];
    },
  ): Promise<string>;
  /** Merges a commit into a branch with a merge commit of ours; `conflict` when the two cannot be merged by themselves. */
  mergeIntoBranch(
    repository: RepositoryId,
    merge: { readonly branch: string; readonly oid: string; readonly message: string },
  ): Promise<'merged' | 'nothing-to-merge' | 'conflict'>;
  /**
   * Compare-and-swap: `from` undefined creates the branch, `to` undefined deletes it. `conflict` when the branch is somewhere
   * else, `refused` when it is not and a rule of the repository forbids the move.
   */
  moveBranch(
    repository: RepositoryId,
    move: { readonly branch: string; readonly from: string | undefined; readonly to: string | undefined },
  ): Promise<BranchMove>;
  /** All pull requests from the repository's own branches, newest first; open, closed and merged. */
  listChangeRequests(repository: RepositoryId): Promise<readonly ChangeRequest[]>;
  /** The commits of a pull request, oldest first; the host shows no more than the first 250. */
  listCommits(repository: RepositoryId, number: number): Promise<readonly HostedCommit[]>;
  /** One pull request as it is now; `behind` when a rule wants it to have the newest commits of its base before it is merged. */
  readChangeRequest(
    repository: RepositoryId,
    number: number,
  ): Promise<WrittenChangeRequest & { readonly behind: boolean }>;
  /** Opens, or returns the one that is open already for this head and base. */
  openChangeRequest(
    repository: RepositoryId,
    request: { readonly head: string; readonly base: string; readonly title: string; readonly body: string },
  ): Promise<Pick<ChangeRequest, 'number' | 'url'>>;
  /** Writes whatever its state; the answer says what is there now. */
  updateChangeRequest(
    repository: RepositoryId,
    number: number,
    change: { readonly title?: string; readonly body?: string; readonly state?: 'closed' },
  ): Promise<WrittenChangeRequest>;
  comment(repository: RepositoryId, number: number, body: string): Promise<void>;
}
