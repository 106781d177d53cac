import { Octokit } from '@octokit/core';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';

import { createPullRequestReader } from '#shared/adapters/github/pull-request-reader.ts';
import { sampleSize } from '#test/sample-size.ts';

const LOGIN = 'tidegate[bot]';
const REPOSITORY = { owner: 'acme', name: 'fleet' };

/** Own pull requests and those of forks that change, and at which request of the next listing GitHub fails. */
type Step = { readonly own: readonly number[]; readonly forks: number; readonly failsAt: number | undefined };

it('reads what changed, however many from forks are newer and wherever an earlier reading was cut off', async () => {
  const step: fc.Arbitrary<Step> = fc.record({
    own: fc.array(fc.integer({ min: 1, max: 140 }), { maxLength: 70 }),
    forks: fc.integer({ min: 0, max: 120 }),
    failsAt: fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 6 }), async (steps) => {
      const github = listedPulls();
      const reader = createPullRequestReader();
      github.change({ own: Array.from({ length: 120 }, (_, index) => index + 1), forks: 60 });
      for (const { failsAt, ...change } of steps) {
        github.change(change);
        github.failAt(failsAt);
        await reader.list(github.octokit, REPOSITORY, LOGIN).catch(() => undefined);
      }
      github.failAt(undefined);

      const read = await reader.list(github.octokit, REPOSITORY, LOGIN);

      expect(Object.fromEntries(read.map(({ number, title }) => [number, title]))).toEqual(github.own());
    }),
    { numRuns: sampleSize(30, 2_000) },
  );
});

it('goes on where it was cut off', async () => {
  const github = listedPulls();
  const reader = createPullRequestReader();
  github.change({ own: Array.from({ length: 3_000 }, (_, index) => index + 1), forks: 0 });
  github.failAt(50);
  await expect(reader.list(github.octokit, REPOSITORY, LOGIN)).rejects.toThrow('Bad Gateway');
  github.failAt(undefined);

  expect(await reader.list(github.octokit, REPOSITORY, LOGIN)).toHaveLength(3_000);

  expect(github.requests()).toBeLessThan(65);
});

/** Pull requests as GitHub lists them: newest change first, with cursors that name the change after which a page begins. */
function listedPulls() {
  const pulls = new Map<number, { title: string; at: number; isFork: boolean }>();
  let changes = 0;
  let requests = 0;
  let failing: number | undefined;

  function page({ first, after }: { readonly first: number; readonly after: string | null }) {
    const below = after === null ? Number.POSITIVE_INFINITY : Number(after);
    const rest = [...pulls].filter(([, { at }]) => at < below).sort(([, one], [, other]) => other.at - one.at);
    const shown = rest.slice(0, first);
    return {
      pageInfo: { hasNextPage: rest.length > first, endCursor: shown.map(([, { at }]) => String(at)).at(-1) ?? null },
      nodes: shown.map(([number, { title, at, isFork }]) => ({
        number,
        url: `https://github.com/acme/fleet/pull/${number}`,
        state: 'OPEN',
        title,
        body: '',
        isCrossRepository: isFork,
        headRefName: `branch-${number}`,
        headRefOid: 'a'.repeat(40),
        baseRefName: 'main',
        author: { __typename: 'Bot', login: 'tidegate' },
        createdAt: new Date(0).toISOString(),
        updatedAt: new Date(at * 1000).toISOString(),
        closedAt: null,
        mergeCommit: null,
        commits: { nodes: [] },
        comments: { nodes: [] },
      })),
    };
  }

  const answer = (_url: string, { body }: { readonly body: string }): Promise<Response> => {
    requests += 1;
    if (failing !== undefined && (failing -= 1) === 0) {
      return Promise.resolve(Response.json({ message: 'Bad Gateway' }, { status: 502 }));
    }
    const { variables } = JSON.parse(body) as { readonly variables: Parameters<typeof page>[0] };
    return Promise.resolve(Response.json({ data: { repository: { pullRequests: page(variables) } } }));
  };

  return {
    octokit: new Octokit({ request: { fetch: answer } }),
    requests: () => requests,
    failAt: (request: number | undefined) => {
      failing = request;
    },
    change: ({ own, forks }: { readonly own: readonly number[]; readonly forks: number }) => {
      const numbers = [...own, ...Array.from({ length: forks }, (_, index) => 10_000 + index)];
      for (const number of numbers) {
        changes += 1;
        pulls.set(number, { title: `change ${changes}`, at: changes, isFork: number >= 10_000 });
      }
    },
    own: () =>
      Object.fromEntries([...pulls].filter(([, { isFork }]) => !isFork).map(([number, { title }]) => [number, title])),
  };
}
