import { describe, expect, it } from 'vitest';

import type { RepositoryId } from '#shared/ports/change-host.ts';
import type { CommitStatuses } from '#shared/ports/commit-statuses.ts';

import { makeCapabilityChecks, type Lacks } from './capability-checks.ts';

/** A status as a reader of the host sees it. */
export interface WrittenStatus {
  readonly context: string;
  readonly state: string;
  readonly description: string;
  readonly targetUrl: string;
}

/** A host with one repository, and one commit in it that nobody has marked. */
export interface CommitStatusesUnderTest {
  readonly statuses: CommitStatuses;
  readonly repository: RepositoryId;
  readonly commit: string;
  /** Every status that was written on the commit, in no order. */
  readonly written: () => Promise<readonly WrittenStatus[]>;
}

/** What the cases need that a stand-in may lack. */
export type CommitStatusesCapability = 'statuses';

/** What every place of commit statuses promises. */
export function describeCommitStatuses(
  host: string,
  start: () => Promise<CommitStatusesUnderTest>,
  options: { readonly lacks?: Lacks<CommitStatusesCapability>; readonly timeoutMs?: number } = {},
): void {
  const timeout = options.timeoutMs === undefined ? {} : { timeout: options.timeoutMs };
  describe(`commit statuses on ${host}`, timeout, () => {
    const { check, unless } = makeCapabilityChecks(start, options.lacks ?? {});

    it(`${unless('statuses')}marks a commit, and writes nothing where the mark is there already`, () =>
      check(async (subject) => {
        const { statuses, repository, commit } = subject;
        const status = { context: 'tidegate/a/b/c', state: 'success', description: 'Applied' } as const;

        await statuses.set(repository, commit, { ...status, state: 'pending' });
        await statuses.set(repository, commit, status);
        await statuses.set(repository, commit, status);

        const written = (await subject.written()).map(({ state, context }) => `${context} ${state}`);
        expect(written.sort()).toEqual(['tidegate/a/b/c pending', 'tidegate/a/b/c success']);
      }, 'statuses'));

    it(`${unless('statuses')}says where the rest can be read, and says it again when that is elsewhere`, () =>
      check(async (subject) => {
        const { statuses, repository, commit } = subject;
        const status = { context: 'linked', state: 'pending', description: 'Waits' } as const;

        await statuses.set(repository, commit, { ...status, targetUrl: 'https://tidegate.example.com/status/a' });
        await statuses.set(repository, commit, { ...status, targetUrl: 'https://tidegate.example.com/status/a' });
        await statuses.set(repository, commit, { ...status, targetUrl: 'https://tidegate.example.com/status/b' });

        const written = (await subject.written()).filter(({ context }) => context === 'linked');
        expect(written.map(({ targetUrl }) => targetUrl).sort()).toEqual([
          'https://tidegate.example.com/status/a',
          'https://tidegate.example.com/status/b',
        ]);
      }, 'statuses'));

    it(`${unless('statuses')}shortens a description to what GitHub takes, without cutting a character in two`, () =>
      check(async (subject) => {
        const { statuses, repository, commit } = subject;
        const status = { context: 'x', state: 'failure', description: '🚀'.repeat(200) } as const;

        await statuses.set(repository, commit, status);
        await statuses.set(repository, commit, status);

        const written = await subject.written();
        expect(written).toHaveLength(1);
        expect(written[0]?.description).toBe(`${'🚀'.repeat(69)}…`);
      }, 'statuses'));

    it('stalls on a repository that we have no access to', () =>
      check(async ({ statuses, repository, commit }) => {
        const status = { context: 'x', state: 'error', description: '' } as const;

        await expect(
          statuses.set({ owner: repository.owner, name: 'tidegate-no-such-repository' }, commit, status),
        ).rejects.toMatchObject({ disposition: 'stall' });
      }));
  });
}
