import type { Commit } from './git-objects.ts';
import { readLooseCommit } from './git-objects.ts';

/** The commits that some starts hold, themselves included, by their ids; null when git has some of them in packs. */
async function holdsOf(directory: string, starts: readonly string[]): Promise<Map<string, Commit> | null> {
  const found = new Map<string, Commit>();
  const left = [...starts];
  for (let sha = left.pop(); sha !== undefined; sha = left.pop()) {
    if (found.has(sha)) continue;
    const commit = await readLooseCommit(directory, sha);
    if (commit === null) return null;
    found.set(sha, commit);
    left.push(...commit.parents);
  }
  return found;
}

/** What git's `rev-list` answers, newest first; null when only git can tell. */
export async function walkCommits(
  directory: string,
  starts: readonly string[],
  excluded: readonly string[] = [],
): Promise<readonly Commit[] | null> {
  const [all, without] = [await holdsOf(directory, starts), await holdsOf(directory, excluded)];
  if (all === null || without === null) return null;
  const queue: Commit[] = [];
  const seen = new Set<string>();
  const add = (sha: string): void => {
    const commit = all.get(sha);
    if (commit === undefined || seen.has(sha) || without.has(sha)) return;
    seen.add(sha);
    // Among commits of one second, git goes on with the one that it found first.
    const at = queue.findIndex((other) => other.committer.date < commit.committer.date);
    queue.splice(at < 0 ? queue.length : at, 0, commit);
  };
  for (const start of starts) add(start);
  const walked: Commit[] = [];
  for (let commit = queue.shift(); commit !== undefined; commit = queue.shift()) {
    walked.push(commit);
    for (const parent of commit.parents) add(parent);
  }
  return walked;
}

/** The best common ancestor of two commits, null without one; undefined when only git can tell, as where several are as good. */
export async function findMergeBase(directory: string, one: string, other: string): Promise<string | null | undefined> {
  const [ours, theirs] = [await holdsOf(directory, [one]), await holdsOf(directory, [other])];
  if (ours === null || theirs === null) return undefined;
  const common = [...ours.values()].filter(({ sha }) => theirs.has(sha));
  if (common.length === 0) return null;
  const below = new Set(common.flatMap(({ parents }) => parents));
  const best = common.filter(({ sha }) => !below.has(sha));
  return best.length === 1 ? best[0]?.sha : undefined;
}

/** Whether a commit holds another one; undefined when only git can tell. */
export async function holdsCommit(directory: string, commit: string, ancestor: string): Promise<boolean | undefined> {
  return (await holdsOf(directory, [commit]))?.has(ancestor);
}
