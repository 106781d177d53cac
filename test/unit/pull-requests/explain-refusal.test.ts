import { describe, expect, it } from 'vitest';

import type { BranchRule } from '#shared/ports/change-host.ts';
import { explainRefusal } from '#shared/pull-requests/explain-refusal.ts';

const repository = { owner: 'acme', name: 'fleet' };
const BRANCH = 'acme/fleet: branch b: ';
const BYPASS = 'let Tidegate bypass the rule, or ';
const PREFIX = 'have the branches of pull requests begin otherwise, with github.branchPrefix in tidegate.yaml';
const OTHER = 'name another branch in spec.git.push.branch';
const NO_PUSH = 'take out spec.git.push.branch, which has a pull request opened';
const AS_APP = 'act as a GitHub App in place of a token: GitHub signs the commits of Apps';

describe('a branch that a rule of the repository does not let us write', () => {
  it.each<[rule: BranchRule, mode: 'pull-request' | 'push', what: string, way: string]>([
    ['creation', 'pull-request', 'a rule of the repository forbids to make it', PREFIX],
    ['creation', 'push', 'a rule of the repository forbids to make it', OTHER],
    ['name', 'pull-request', 'a rule of the repository wants other names for branches', PREFIX],
    [
      'force-push',
      'pull-request',
      'a rule of the repository forbids to make its commits anew, and others cannot be added',
      PREFIX,
    ],
    ['pull-request', 'push', 'it is protected, and takes no direct pushes', NO_PUSH],
    ['protected', 'push', 'it is protected, and takes no direct pushes', NO_PUSH],
    ['protected', 'pull-request', 'it is protected, and takes no direct pushes', PREFIX],
    ['status-check', 'push', 'a rule of the repository wants checks to pass before it is pushed to', NO_PUSH],
    ['signature', 'pull-request', 'a rule of the repository wants signed commits', AS_APP],
    ['deletion', 'pull-request', 'a rule of the repository forbids to delete it', PREFIX],
    ['other', 'pull-request', 'a rule of the repository forbids the update', PREFIX],
  ])('says by rule %s with %s what is forbidden, and the ways out', (rule, mode, what, way) => {
    const error = explainRefusal({ repository, mode }, { branch: 'b', rule, reason: 'in their\n\n words\n' });

    expect(error.message).toBe(`${BRANCH}${what}; ${BYPASS}${way} (GitHub: in their words)`);
    expect([error.code, error.disposition]).toEqual(['GitOperationFailed', 'stall']);
  });

  it('waits where its pull request waits to be merged', () => {
    const error = explainRefusal({ repository, mode: 'pull-request' }, { branch: 'b', rule: 'queued', reason: 'r' });

    expect(error.message).toBe(
      `${BRANCH}its pull request waits in the merge queue; what is newer is proposed after that`,
    );
    expect([error.code, error.disposition]).toEqual(['DependencyNotReady', 'wait']);
  });
});
