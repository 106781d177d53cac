import type { Core } from './core.ts';
import { gitDirectory } from './core.ts';
import { isAncestor } from './git-history.ts';
import { readCommit } from './git-objects.ts';
import type { RefUpdate } from './git-refs.ts';
import { readRef, updateRefs } from './git-refs.ts';
import { unprocessable } from './problem.ts';
import type { BranchRule, Pull, Repository } from './state.ts';

const HEADS = 'refs/heads/';
const QUEUED =
  'A pull request for this branch has been added to a merge queue. Branches that are queued for merging cannot be updated. To modify this branch, dequeue the associated pull request.';

/** The rules of a repository that are about a branch. */
export function rulesOf(repository: Repository, branch: string): readonly BranchRule[] {
  return repository.rules.filter((rule) => fits(rule.branches, branch));
}

/** What a ruleset wants of the pull requests into a branch: approvals, checks, the newest commits of the base, a queue. */
export function requirementsOf(repository: Repository, base: string) {
  const rules = rulesOf(repository, base);
  const approvals = rules.map((rule) => (rule.type === 'pull_request' ? rule.approvals : 0));
  const checks = rules.filter((rule) => rule.type === 'required_status_checks');
  return {
    approvals: Math.max(0, ...approvals),
    contexts: [...new Set(checks.flatMap(({ contexts }) => contexts))],
    strict: checks.some(({ strict }) => strict),
    queue: rules.some(({ type }) => type === 'merge_queue'),
  };
}

/** GitHub's words for rules that were not kept. */
export function describeViolations(violations: readonly string[]): string {
  return `Repository rule violations found\n\n${violations.join('\n\n')}\n\n`;
}

/** Moves refs as somebody whom the rules bind. Refuses with 422 in their words, or answers git's own reason. */
export async function updateRefsByRules(
  core: Core,
  repository: Repository,
  updates: readonly RefUpdate[],
): Promise<string | null> {
  const directory = gitDirectory(core, repository);
  for (const update of updates) {
    if (!update.name.startsWith(HEADS)) continue;
    const branch = update.name.slice(HEADS.length);
    if (isQueued(core, repository, branch)) throw unprocessable(QUEUED);
    const violations = await violationsOf(core, repository, branch, update.after);
    if (violations.length > 0) throw unprocessable(describeViolations(violations));
  }
  return await updateRefs(directory, updates);
}

/** Whether a branch may not be touched because its pull request waits to be merged. */
function isQueued(core: Core, repository: Repository, branch: string): boolean {
  const waits = (one: Pull): boolean =>
    one.repositoryId === repository.id && one.state === 'open' && one.queuedAt !== null && one.head === branch;
  return core.state.pulls.some(waits);
}

async function violationsOf(
  core: Core,
  repository: Repository,
  branch: string,
  after: string | null,
): Promise<string[]> {
  const directory = gitDirectory(core, repository);
  const before = (await readRef(directory, `${HEADS}${branch}`))?.sha ?? null;
  const violations: string[] = [];
  for (const rule of rulesOf(repository, branch)) {
    const words = await violationOf(directory, rule, branch, { before, after });
    if (words !== null) violations.push(words);
  }
  return violations;
}

async function violationOf(
  directory: string,
  rule: BranchRule,
  branch: string,
  { before, after }: { readonly before: string | null; readonly after: string | null },
): Promise<string | null> {
  const isMove = before !== null && after !== null;
  switch (rule.type) {
    case 'creation':
      return before === null ? 'Cannot create ref due to creations being restricted.' : null;
    case 'deletion':
      return after === null ? 'Cannot delete this branch' : null;
    case 'non_fast_forward':
      return isMove && !(await isAncestor(directory, before, after)) ? 'Cannot force-push to this branch' : null;
    case 'required_linear_history': {
      const parents = after === null ? [] : ((await readCommit(directory, after))?.parents ?? []);
      return parents.length > 1 ? 'This branch must not contain merge commits.' : null;
    }
    case 'branch_name_pattern':
      return before === null && !new RegExp(rule.pattern, 'u').test(branch)
        ? `Branch name must match a given regex pattern: ${rule.pattern}`
        : null;
    case 'pull_request':
      return isMove ? 'Changes must be made through a pull request.' : null;
    case 'merge_queue':
      return isMove ? 'Changes must be made through the merge queue' : null;
    case 'required_status_checks': {
      const [context] = rule.contexts;
      return isMove && context !== undefined ? `Required status check "${context}" is expected.` : null;
    }
  }
}

function fits(pattern: string, branch: string): boolean {
  const source = pattern
    .replace(/[.+?^$(){}|[\]\\]/gu, '\\$&')
    .replace(/\*\*|\*/gu, (stars) => (stars === '**' ? '.*' : '[^/]*'));
  return new RegExp(`^${source}$`, 'u').test(branch);
}
