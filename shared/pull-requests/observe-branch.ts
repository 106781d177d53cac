import { defined } from '#shared/common/defined.ts';
import type {
  BranchCommit,
  ChangedFile,
  ChangeHost,
  Comparison,
  HostedCommit,
  RepositoryId,
} from '#shared/ports/change-host.ts';

import { holdsWhatItSays, isOfInstallation, parseTrailers, type CommitMemory } from './commit-trailers.ts';

const MOST_FILES = 300;

/** How often a person may bring a branch up to date before it counts as theirs. */
const MOST_UPDATES = 50;

/** A commit of ours on a branch, and what it says of itself. */
export interface OwnCommit extends HostedCommit {
  readonly memory: CommitMemory;
}

/** A branch that we write, or would write. */
export interface ObservedBranch {
  readonly name: string;
  readonly head?: string;
  /** The commit of ours at its tip; undefined when there is no branch, or when its tip is somebody else's. */
  readonly own?: OwnCommit;
  /** Parents of the commit at its tip, which may be GitHub's merge of the base into our commit. */
  readonly tipParents: readonly string[];
  /** The newest commit that branch and base have in common. */
  readonly mergeBase?: string;
  /** What it has that the base has not. */
  readonly ahead: readonly BranchCommit[];
}

/** Reads a branch beside the base: whose it is, and where it left the base. */
export async function observeBranch(
  host: ChangeHost,
  repository: RepositoryId,
  seen: { readonly name: string; readonly baseHead: string; readonly installation: string },
): Promise<ObservedBranch> {
  const { name, baseHead, installation } = seen;
  const head = await host.readBranch(repository, name);
  if (head === undefined) return { name, tipParents: [], ahead: [] };
  if (head === baseHead) return { name, head, tipParents: [], mergeBase: head, ahead: [] };
  const comparison = await host.compare(repository, { base: baseHead, head });
  const ahead = comparison?.commits ?? [];
  const tip = ahead.find(({ oid }) => oid === head) ?? (await host.readCommit(repository, head));
  const found =
    (await ownTip(host, repository, tip, comparison)) ??
    (await commitBelowUpdate(host, repository, { baseHead, tip, ahead }));
  const own = found !== undefined && isOfInstallation(found.memory, installation) ? found : undefined;
  return {
    name,
    head,
    ahead,
    tipParents: tip.parents,
    ...(comparison === undefined ? {} : { mergeBase: comparison.mergeBase }),
    ...defined({ own }),
  };
}

/** The tip, if it is ours and as we made it. */
async function ownTip(
  host: ChangeHost,
  repository: RepositoryId,
  tip: BranchCommit,
  comparison: Comparison | undefined,
): Promise<OwnCommit | undefined> {
  const own = ownCommit(tip);
  const parent = own?.parents.at(-1);
  if (own === undefined || parent === undefined) return undefined;
  const made =
    comparison?.mergeBase === parent ? comparison : await host.compare(repository, { base: parent, head: own.oid });
  const files = made?.files ?? [];
  // GitHub shows no more files than that.
  return files.length >= MOST_FILES || holdsWhatItSays(own.memory, files) ? own : undefined;
}

/** With a personal token a person commits under our name: the trailer tells us apart. */
export function ownCommit(commit: BranchCommit | undefined): OwnCommit | undefined {
  const memory = commit?.ours === true ? parseTrailers(commit.message) : undefined;
  return commit === undefined || memory === undefined ? undefined : { ...commit, memory };
}

/**
 * Our commit below what GitHub's "Update branch" makes, pressed any number of times: merges of the base into it, in which nothing
 * is anybody's but ours. A conflict that was resolved on GitHub's pages looks alike, so the lines that they change in the end
 * are compared with ours.
 */
async function commitBelowUpdate(
  host: ChangeHost,
  repository: RepositoryId,
  seen: { readonly baseHead: string; readonly tip: BranchCommit; readonly ahead: readonly BranchCommit[] },
): Promise<OwnCommit | undefined> {
  const { baseHead, tip } = seen;
  const own = belowUpdates(seen);
  const parent = own?.parents.at(-1);
  const merged = tip.parents[1];
  if (own === undefined || parent === undefined || merged === undefined) return undefined;
  const fromBase = await host.compare(repository, { base: baseHead, head: merged });
  if (fromBase?.mergeBase !== merged) return undefined;
  const theirs = await host.compare(repository, { base: merged, head: tip.oid });
  const ours = await host.compare(repository, { base: parent, head: own.oid });
  const since = await host.compare(repository, { base: parent, head: merged });
  const left = new Set(theirs?.files.map(({ path }) => path));
  const madeInBase = new Map(since?.files.map((file) => [file.path, file]));
  const wanted = (ours?.files ?? []).filter(
    (file) => left.has(file.path) || !isMadeIn(madeInBase.get(file.path), file),
  );
  return isSameChange(theirs?.files ?? [], wanted) ? own : undefined;
}

/** Whether the base has got what we changed in a file: a merge of the two then leaves nothing of it. */
function isMadeIn(twin: ChangedFile | undefined, ours: ChangedFile): boolean {
  if (twin === undefined) return false;
  if (twin.oid === ours.oid) return true;
  const lines = new Set(twin.lines);
  return ours.lines !== undefined && ours.lines.every((line) => lines.has(line));
}

/** Down the first parents, as long as they are the host's merges of what the base has. */
function belowUpdates({
  tip,
  ahead,
}: {
  readonly tip: BranchCommit;
  readonly ahead: readonly BranchCommit[];
}): OwnCommit | undefined {
  const byOid = new Map(ahead.map((commit) => [commit.oid, commit]));
  let commit: BranchCommit | undefined = tip;
  for (let updates = 0; updates < MOST_UPDATES && commit !== undefined; updates += 1) {
    const [first, merged, ...more]: readonly string[] = commit.parents;
    const isUpdate = commit.byHost && merged !== undefined && more.length === 0;
    // What the branch has and the base has not is not the base's.
    if (!isUpdate || first === undefined || byOid.has(merged)) return undefined;
    commit = byOid.get(first);
    const own = ownCommit(commit);
    if (own !== undefined) return own;
  }
  return undefined;
}

function isSameChange(one: readonly ChangedFile[], other: readonly ChangedFile[]): boolean {
  const byPath = new Map(other.map((file) => [file.path, file]));
  return (
    one.length === other.length &&
    one.every((file) => {
      const twin = byPath.get(file.path);
      if (twin === undefined) return false;
      if (twin.oid === file.oid) return true;
      return file.lines !== undefined && JSON.stringify(file.lines) === JSON.stringify(twin.lines);
    })
  );
}
