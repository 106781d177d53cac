import { describe, expect, it } from 'vitest';

import { readAnswer, readGraphqlErrors, type GitHubAnswer } from '#shared/adapters/github/github-answer.ts';
import { budgetEnd, judgeAnswer, type Judgment } from '#shared/adapters/github/judge-answer.ts';
import { explainJudgment } from '#shared/adapters/github/to-tidegate-error.ts';

const NOW = Date.parse('2026-11-27T20:00:00Z');
const MINUTE = 60_000;
const LIMITS_PAGE = 'https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits';
const REFS_PAGE = 'https://docs.github.com/rest/git/refs#create-a-reference';

/** An answer of REST. */
function rest(status: number, message: string, more: Partial<GitHubAnswer> & { errors?: readonly unknown[] } = {}) {
  const { errors, headers = {}, documentationUrl = 'https://docs.github.com/rest' } = more;
  return readAnswer({
    status,
    message: 'what Octokit makes of it',
    response: { status, headers, data: { message, errors, documentation_url: documentationUrl, status: `${status}` } },
  });
}

/** An answer of GraphQL: always 200. */
function graphql(type: string | undefined, message: string, headers: Readonly<Record<string, string>> = {}) {
  const errors = [{ ...(type === undefined ? {} : { type }), message, path: ['updateRefs'] }];
  const answer = readGraphqlErrors({ status: 200, headers, data: { data: { updateRefs: null }, errors } });
  if (answer === undefined) throw new Error('GraphQL said nothing');
  return answer;
}

describe('an answer of GitHub that says no', () => {
  it.each<[what: string, answer: GitHubAnswer, kind: Judgment['kind'], untilMs?: number]>([
    [
      'the budget of REST',
      rest(403, 'API rate limit exceeded for installation ID 4711.', {
        headers: budget({ 'x-ratelimit-reset': at(50) }),
      }),
      'limit',
      50 * MINUTE + 1_000,
    ],
    [
      'the budget of REST as 429',
      rest(429, 'API rate limit exceeded', { headers: budget() }),
      'limit',
      30 * MINUTE + 1_000,
    ],
    [
      'the budget of GraphQL',
      graphql('RATE_LIMITED', 'API rate limit exceeded for installation ID 4711.', budget()),
      'limit',
      30 * MINUTE + 1_000,
    ],
    ['the budget of GraphQL by its kind alone', graphql('RATE_LIMITED', 'Nope'), 'limit', MINUTE],
    [
      'a secondary limit that names its end',
      rest(403, 'You have exceeded a secondary rate limit. Please wait a few minutes before you try again.', {
        headers: { 'retry-after': '97' },
      }),
      'limit',
      97_000,
    ],
    [
      'a secondary limit that names no end: one minute',
      rest(403, 'You have exceeded a secondary rate limit and have been temporarily blocked from content creation.'),
      'limit',
      MINUTE,
    ],
    [
      'a secondary limit by the page that it refers to',
      rest(403, 'Wait.', { documentationUrl: LIMITS_PAGE }),
      'limit',
      MINUTE,
    ],
    ['a secondary limit of old', rest(403, 'You have triggered an abuse detection mechanism.'), 'limit', MINUTE],
    [
      'a secondary limit of GraphQL as 200',
      graphql(undefined, 'You have exceeded a secondary rate limit. Please wait a few minutes before you try again.'),
      'limit',
      MINUTE,
    ],
    [
      'a secondary limit as 200 without errors',
      readGraphqlErrors({ status: 200, headers: {}, data: { message: 'You have exceeded a secondary rate limit.' } }) ??
        rest(500, ''),
      'limit',
      MINUTE,
    ],
    ['a limit by its header alone', rest(403, 'No.', { headers: { 'retry-after': '3600' } }), 'limit', 60 * MINUTE],
    [
      'an end as a date',
      rest(429, 'Later', { headers: { 'retry-after': 'Fri, 27 Nov 2026 20:02:00 GMT' } }),
      'limit',
      2 * MINUTE,
    ],
    [
      "an end by GitHub's clock, which is ten minutes ahead",
      rest(403, 'API rate limit exceeded', { headers: budget({ date: 'Fri, 27 Nov 2026 20:10:00 GMT' }) }),
      'limit',
      20 * MINUTE + 1_000,
    ],
    [
      'an end that is over',
      rest(403, 'API rate limit exceeded', { headers: budget({ 'x-ratelimit-reset': at(-5) }) }),
      'limit',
      1_000,
    ],
    [
      'an end that is absurd',
      rest(403, 'API rate limit exceeded', { headers: budget({ 'x-ratelimit-reset': at(60 * 24 * 365) }) }),
      'limit',
      65 * MINUTE,
    ],
    [
      'a retry-after that is absurd',
      rest(429, 'Later', { headers: { 'retry-after': '99999999999' } }),
      'limit',
      24 * 60 * MINUTE,
    ],
    ['a key that is not valid', rest(401, 'Bad credentials'), 'credentials'],
    ['a clock that is wrong', rest(401, "'Expiration time' claim ('exp') is too far in the future"), 'credentials'],
    ['a permission of the App', rest(403, 'Resource not accessible by integration'), 'permission'],
    [
      'a permission, with the last request of the budget',
      rest(403, 'Resource not accessible by integration', { headers: budget() }),
      'permission',
    ],
    ['a permission in GraphQL', graphql('FORBIDDEN', 'Resource not accessible by integration'), 'permission'],
    [
      'a permission that is not granted',
      rest(422, 'The permissions requested are not granted to this installation.'),
      'permission',
    ],
    [
      'workflows in a commit',
      graphql(
        'UNPROCESSABLE',
        'refusing to allow a GitHub App to create or update workflow `.github/workflows/ci.yaml` without `workflows` permission',
      ),
      'permission',
    ],
    ['a suspended installation', rest(403, 'This installation has been suspended'), 'suspended'],
    ['an archived repository', rest(403, 'Repository was archived so is read-only.'), 'archived'],
    ['an archived repository in GraphQL', graphql('FORBIDDEN', 'Repository was archived so is read-only.'), 'archived'],
    [
      'a repository outside the installation',
      rest(
        422,
        'There is at least one repository that does not exist or is not accessible to the parent installation.',
      ),
      'not-installed',
    ],
    [
      'single sign-on',
      rest(403, 'Resource protected by organization SAML enforcement.', {
        headers: { 'x-github-sso': 'required; url=x' },
      }),
      'single-sign-on',
    ],
    [
      'an address',
      rest(
        403,
        'Although you appear to have the correct authorization credentials, the `acme` organization has an IP allow list enabled',
      ),
      'address',
    ],
    ['something else that is forbidden', rest(403, 'Repository access blocked'), 'forbidden'],
    ['nothing there', rest(404, 'Not Found'), 'missing'],
    ['an object that is not there', graphql('UNPROCESSABLE', 'Object does not exist'), 'missing'],
    ['a commit that is not there', rest(422, 'No commit found for SHA: deadbeef'), 'missing'],
    ['a reference that is not there', rest(422, 'Reference does not exist'), 'missing'],
    ['a reference that is not there, as a conflict', rest(409, 'Reference does not exist'), 'missing'],
    [
      'a branch that is not there',
      rest(422, 'Validation Failed', { errors: [{ resource: 'PullRequest', field: 'head', code: 'invalid' }] }),
      'missing',
    ],
    [
      'a branch without commits',
      rest(422, 'Validation Failed', {
        errors: [{ resource: 'PullRequest', code: 'custom', message: 'No commits between main and x' }],
      }),
      'missing',
    ],
    ['a conflict', rest(409, 'Merge conflict'), 'passing'],
    [
      'a field that is wrong',
      rest(422, 'Validation Failed', { errors: [{ resource: 'PullRequest', field: 'body', code: 'too_long' }] }),
      'refused',
    ],
    ['a server that fails', rest(502, 'Server Error'), 'passing'],
    [
      'a server that is overloaded and says until when',
      rest(503, 'No', { headers: { 'retry-after': '9' } }),
      'passing',
    ],
    ['no answer', readAnswer(new Error('socket hang up')), 'passing'],
  ])('is judged by what it is about: %s', (_what, answer, kind, untilMs) => {
    const judgment = judgeAnswer(answer, NOW);

    const until = judgment.kind === 'limit' ? judgment.until - NOW : undefined;
    expect([judgment.kind, until]).toEqual([kind, untilMs]);
  });

  it.each<[words: string, rule: string]>([
    ['Repository rule violations found\n\nCannot force-push to this branch\n\n', 'force-push'],
    ['Update is not a fast forward', 'force-push'],
    ['Repository rule violations found\n\nCannot create ref due to creations being restricted.\n\n', 'creation'],
    ['Repository rule violations found\n\nBranch name must match a given regex pattern: ^(feature|fix)/', 'name'],
    ['Repository rule violations found\n\nCannot delete this branch\n\n', 'deletion'],
    ['Repository rule violations found\n\nChanges must be made through a pull request.\n\n', 'pull-request'],
    ['Repository rule violations found\n\nCommits must have verified signatures.\n\n', 'signature'],
    ['Repository rule violations found\n\nRequired status check "ci" is expected.\n\n', 'status-check'],
    ['Repository rule violations found\n\nCannot update this protected ref.\n\n', 'protected'],
    ['Repository rule violations found\n\nThis branch must not contain merge commits.\n\n', 'other'],
    ['Repository rule violations found\n\nChanges must be made through the merge queue\n\n', 'pull-request'],
    ['Branches that are queued for merging cannot be updated.', 'queued'],
    ['Reference update failed', 'other'],
  ])('names the rule of a repository that forbids it: %j', (words, rule) => {
    for (const answer of [graphql('UNPROCESSABLE', words), rest(422, words, { documentationUrl: REFS_PAGE })]) {
      expect(judgeAnswer(answer, NOW)).toEqual({ kind: 'rule', rule });
    }
  });

  it.each<[what: string, answer: GitHubAnswer, message: string]>([
    [
      'a permission that GitHub names',
      rest(403, 'Resource not accessible by integration', {
        headers: { 'x-accepted-github-permissions': 'pull_requests=write' },
      }),
      "the GitHub App lacks pull_requests: write; give it the permission in the App's settings on GitHub, and accept it where the App is installed (GitHub answered 403: Resource not accessible by integration)",
    ],
    [
      'one of several sets of permissions',
      rest(403, 'Resource not accessible by personal access token', {
        headers: { 'x-accepted-github-permissions': 'contents=write,pull_requests=read; issues=write' },
      }),
      'the token lacks contents: write and pull_requests: read, or issues: write; give it the permission on GitHub (GitHub answered 403: Resource not accessible by personal access token)',
    ],
    [
      'a permission that GitHub does not name',
      graphql('FORBIDDEN', 'Resource not accessible by integration'),
      "the GitHub App lacks contents: write; give it the permission in the App's settings on GitHub, and accept it where the App is installed (GitHub answered 200: Resource not accessible by integration)",
    ],
    [
      'a suspended installation',
      rest(403, 'This installation has been suspended'),
      'the installation of the GitHub App is suspended; unsuspend it in the settings of the account it is installed on, under GitHub Apps',
    ],
    [
      'an archived repository',
      rest(403, 'Repository was archived so is read-only.'),
      'the repository is archived, so nothing can be written to it; unarchive it, or suspend what writes there (spec.suspend)',
    ],
    [
      'a limit',
      rest(403, 'API rate limit exceeded', { headers: budget() }),
      'GitHub is asked again at 2026-11-27T20:30:01.000Z: its budget of 5000 an hour is used up',
    ],
    [
      'an absurd limit',
      rest(403, 'API rate limit exceeded', { headers: budget({ 'x-ratelimit-reset': at(60 * 24 * 365) }) }),
      'GitHub is asked again at 2026-11-27T21:05:00.000Z: its budget of 5000 an hour is used up, and GitHub names 2027-11-27T20:00:00.000Z as its end, further away than an hour: one of the clocks is wrong',
    ],
  ])('is told with the way out: %s', (_what, answer, message) => {
    expect(explainJudgment(judgeAnswer(answer, NOW), answer, { contents: 'write' }).message).toBe(message);
  });

  it('has no end of a budget while some of it is left, and none where no budget is kept', () => {
    expect(budgetEnd(budget(), NOW)).toMatchObject({ until: NOW + 30 * MINUTE + 1_000, isNamed: true });
    expect(budgetEnd(budget({ 'x-ratelimit-remaining': '1' }), NOW)).toBeUndefined();
    expect(budgetEnd(budget({ 'x-ratelimit-limit': '0' }), NOW)).toBeUndefined();
    expect(budgetEnd({}, NOW)).toBeUndefined();
  });
});

function at(minutes: number): string {
  return String((NOW + minutes * MINUTE) / 1_000);
}

function budget(more: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  return { 'x-ratelimit-limit': '5000', 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': at(30), ...more };
}
