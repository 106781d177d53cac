import { TidegateError } from '#shared/common/tidegate-error.ts';
import type { Checkout } from '#shared/image-update/resolve-checkout.ts';
import type { BranchRule } from '#shared/ports/change-host.ts';

/** A branch that a rule of the repository does not let us write, and the rule. */
export interface BranchRefusal {
  readonly branch: string;
  readonly rule: BranchRule;
  /** In GitHub's words. */
  readonly reason: string;
}

/** Says what a rule of the repository forbids, and the ways out that there are. */
export function explainRefusal(
  { repository, mode }: Pick<Checkout, 'repository' | 'mode'>,
  { branch, rule, reason }: BranchRefusal,
): TidegateError {
  const subject = `${repository.owner}/${repository.name}: branch ${branch}`;
  if (rule === 'queued') {
    const message = `${subject}: its pull request waits in the merge queue; what is newer is proposed after that`;
    return new TidegateError('DependencyNotReady', message, { disposition: 'wait', subject });
  }
  const elsewhere =
    mode === 'push'
      ? 'name another branch in spec.git.push.branch'
      : 'have the branches of pull requests begin otherwise, with github.branchPrefix in tidegate.yaml';
  const ways = `let Tidegate bypass the rule, or ${waysOut(rule, mode, elsewhere)}`;
  const said = reason.replace(/\s+/gu, ' ').trim();
  return new TidegateError('GitOperationFailed', `${subject}: ${whatIsForbidden(rule)}; ${ways} (GitHub: ${said})`, {
    disposition: 'stall',
    subject,
  });
}

function whatIsForbidden(rule: Exclude<BranchRule, 'queued'>): string {
  switch (rule) {
    case 'creation':
      return 'a rule of the repository forbids to make it';
    case 'name':
      return 'a rule of the repository wants other names for branches';
    case 'force-push':
      return 'a rule of the repository forbids to make its commits anew, and others cannot be added';
    case 'deletion':
      return 'a rule of the repository forbids to delete it';
    case 'pull-request':
    case 'protected':
      return 'it is protected, and takes no direct pushes';
    case 'signature':
      return 'a rule of the repository wants signed commits';
    case 'status-check':
      return 'a rule of the repository wants checks to pass before it is pushed to';
    case 'other':
      return 'a rule of the repository forbids the update';
  }
}

function waysOut(rule: BranchRule, mode: Checkout['mode'], elsewhere: string): string {
  if (rule === 'signature') return 'act as a GitHub App in place of a token: GitHub signs the commits of Apps';
  const isClosed = rule === 'pull-request' || rule === 'protected' || rule === 'status-check';
  return isClosed && mode === 'push' ? 'take out spec.git.push.branch, which has a pull request opened' : elsewhere;
}
