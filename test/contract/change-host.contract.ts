import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';

import { TidegateError } from '#shared/common/tidegate-error.ts';
import type { ChangeHost, ChangeRequest, RepositoryId } from '#shared/ports/change-host.ts';
import { GITHUB_LIMITS } from '#shared/pull-requests/github-limits.ts';

import { makeCapabilityChecks, type Lacks } from './capability-checks.ts';

/** A host with one repository whose branch `base` holds `app.yaml` with the text `tag: v1\n`; there is no branch `change` yet. */
export interface ChangeHostUnderTest {
  readonly host: ChangeHost;
  readonly repository: RepositoryId;
  readonly base: string;
  readonly change: string;
  /** Text of a file on a branch; undefined when branch or file is not there. */
  readonly readFile: (branch: string, file: string) => Promise<string | undefined>;
  /** Commits a file on a branch as a person who is not us. */
  readonly commitAsPerson: (branch: string, file: string, text: string) => Promise<string>;
  /** Points a branch to a commit, wherever it pointed before. */
  readonly pointBranch: (branch: string, oid: string) => Promise<void>;
  readonly deleteBranch: (branch: string) => Promise<void>;
  readonly merge: (number: number) => Promise<void>;
  /** What a person's button does; false when the host refuses it. */
  readonly reopen: (number: number) => Promise<boolean>;
  /** How long the host may take to see what a move of a branch means for pull requests; at once by default. */
  readonly settleMs?: number;
  /** How many pull requests into `base` are open. */
  readonly openRequests: () => Promise<number>;
}

/** A host whose answers can be made to get lost. */
export interface FaultyChangeHost extends ChangeHostUnderTest {
  /** Makes the answer to the next write of this kind get lost after the write was done. */
  readonly loseAnswer: (write: 'tree' | 'commit' | 'ref' | 'open' | 'update') => void;
}

const TEXT = { title: 'Update app', body: 'body' };

/**
 * What the cases need that a stand-in may lack: refs moved by compare-and-swap, one open pull request a branch, GraphQL to list
 * them, merges of branches, bounds of texts, pull requests that follow what happens to their branches.
 */
export type ChangeHostCapability =
  'compare-and-swap' | 'one-open-pull' | 'graphql' | 'merges' | 'bounds' | 'follows-branches' | 'reopens-what-was-left';

/** What every ChangeHost promises. */
export function describeChangeHost(
  host: string,
  start: () => Promise<ChangeHostUnderTest>,
  options: { readonly lacks?: Lacks<ChangeHostCapability>; readonly timeoutMs?: number } = {},
): void {
  const timeout = options.timeoutMs === undefined ? {} : { timeout: options.timeoutMs };
  describe(`a change host on ${host}`, timeout, () => {
    const { check, unless } = makeCapabilityChecks(start, options.lacks ?? {});

    it('makes a commit on top of another, on no branch, and leaves the other files', () =>
      check(async (subject) => {
        const { base, change } = subject;
        await subject.commitAsPerson(base, 'other.yaml', 'x\n');
        const head = await headOf(subject, base);

        const oid = await commit(subject, 'tag: v2\n', head);
        await subject.pointBranch(change, oid);

        expect(await headOf(subject, base)).toBe(head);
        expect(await subject.readFile(change, 'app.yaml')).toBe('tag: v2\n');
        expect(await subject.readFile(change, 'other.yaml')).toBe('x\n');
      }));

    it('keeps every byte of a file: byte order mark, windows line ends, characters outside ASCII', () =>
      check(async (subject) => {
        const content = Buffer.from('\uFEFFtag: "é🚀"\r\n', 'utf8');
        const oid = await subject.host.createCommit(subject.repository, {
          parents: [await headOf(subject, subject.base)],
          message: 'bytes',
          files: [{ path: 'app.yaml', content }],
        });
        await subject.pointBranch(subject.change, oid);

        expect(await subject.readFile(subject.change, 'app.yaml')).toBe(content.toString('utf8'));
      }));

    it(`${unless('compare-and-swap')}creates, moves and deletes a branch only from where it was seen`, () =>
      check(async (subject) => {
        const { host, repository, change } = subject;
        const first = await commit(subject, 'tag: v2\n');
        const second = await commit(subject, 'tag: v3\n');
        const move = async (from: string | undefined, to: string | undefined) =>
          (await host.moveBranch(repository, { branch: change, from, to })).outcome;

        expect(await move(undefined, first)).toBe('moved');
        expect(await move(undefined, second)).toBe('conflict');
        expect(await move(second, first)).toBe('moved');
        expect(await move(first, second)).toBe('moved');
        expect(await move(first, undefined)).toBe('conflict');
        expect(await host.readBranch(repository, change)).toBe(second);
        expect(await move(second, undefined)).toBe('moved');
        expect(await host.readBranch(repository, change)).toBeUndefined();
      }, 'compare-and-swap'));

    it('knows a repository by the same thing every time, and finds none that is not there', () =>
      check(async ({ host, repository }) => {
        const id = await host.identify(repository);

        expect(id).not.toBe('');
        expect(await host.identify(repository)).toBe(id);
        await expect(host.identify({ ...repository, name: 'not-there' })).rejects.toBeInstanceOf(TidegateError);
      }));

    it('reads where a branch is, and that there is none', () =>
      check(async (subject) => {
        const oid = await subject.commitAsPerson(subject.base, 'app.yaml', 'tag: v2\n');

        expect(await subject.host.readBranch(subject.repository, subject.base)).toBe(oid);
        expect(await subject.host.readBranch(subject.repository, subject.change)).toBeUndefined();
      }));

    it('tells our commits from those of people', () =>
      check(async (subject) => {
        const { host, repository, change } = subject;
        const base = await headOf(subject, subject.base);
        const oid = await commit(subject, 'tag: v2\n');
        await subject.pointBranch(change, oid);
        const theirs = await subject.commitAsPerson(change, 'app.yaml', 'tag: v2-mine\n');

        const comparison = await host.compare(repository, { base, head: theirs });

        expect(comparison?.mergeBase).toBe(base);
        expect(comparison?.files.map(({ path, lines }) => [path, lines])).toEqual([
          ['app.yaml', ['-tag: v1', '+tag: v2-mine']],
        ]);
        expect(new Map(comparison?.commits.map((commit) => [commit.oid, commit.ours]))).toEqual(
          new Map([
            [oid, true],
            [theirs, false],
          ]),
        );
        expect(await host.readCommit(repository, oid)).toMatchObject({ oid, ours: true, parents: [base] });
        expect(await host.readCommit(repository, theirs)).toMatchObject({ ours: false, parents: [oid] });
      }));

    it(`${unless('graphql')}lists pull requests, newest first, open, closed and merged, with who opened them and what their commits say`, () =>
      check(async (subject) => {
        const { host, repository, base, change } = subject;
        const closed = await propose(subject, 'tag: v2\n');
        await host.updateChangeRequest(repository, closed, { state: 'closed', body: 'no' });
        const merged = await propose(subject, 'tag: v3\n');
        await subject.merge(merged);
        const open = await propose(subject, 'tag: v4\n');

        const listed = await listedFrom(subject);

        expect(listed.map(({ number, state }) => [number, state])).toEqual([
          [open, 'open'],
          [merged, 'merged'],
          [closed, 'closed'],
        ]);
        expect(listed[2]?.body).toBe('no');
        expect(listed[0]).toMatchObject({ base, head: { branch: change } });
        expect(listed.map(({ commits }) => commits.at(-1)?.message.trim())).toEqual([
          'Write tag: v4',
          'Write tag: v3',
          'Write tag: v2',
        ]);
        expect(listed.map(({ closedAt }) => closedAt === undefined)).toEqual([true, false, false]);
        expect(listed.filter(({ openedAs }) => openedAs === undefined)).toEqual([]);
        expect(await host.listCommits(repository, open)).toEqual(listed[0]?.commits);
        expect(await subject.readFile(base, 'app.yaml')).toBe('tag: v3\n');
        expect(listed[1]?.mergeCommit).toBe(await headOf(subject, base));
      }, 'graphql'));

    it(`${unless('one-open-pull')}opens one pull request, however often it is asked`, () =>
      check(async (subject) => {
        const { host, repository, base, change } = subject;
        const first = await propose(subject, 'tag: v2\n');

        const again = await host.openChangeRequest(repository, { head: change, base, ...TEXT });

        expect(again.number).toBe(first);
        expect(await subject.openRequests()).toBe(1);
      }, 'one-open-pull'));

    it(`${unless('graphql')}shows the newest commit of its branch in an open pull request`, () =>
      check(async (subject) => {
        const { change } = subject;
        const number = await propose(subject, 'tag: v2\n');
        const oid = await commit(subject, 'tag: v3\n');
        await subject.pointBranch(change, oid);

        const [listed] = await listedFrom(subject);

        expect([listed?.number, listed?.head.oid]).toEqual([number, oid]);
      }, 'graphql'));

    it(`${unless('graphql')}rewrites the title and the body of a pull request, and closes it`, () =>
      check(async (subject) => {
        const { host, repository } = subject;
        const number = await propose(subject, 'tag: v2\n');

        await host.updateChangeRequest(repository, number, { title: 'Update app again', body: 'more' });
        const [rewritten] = await listedFrom(subject);
        await host.updateChangeRequest(repository, number, { state: 'closed' });
        const [closed] = await listedFrom(subject);

        expect(rewritten).toMatchObject({ number, state: 'open', title: 'Update app again', body: 'more' });
        expect(closed).toMatchObject({ number, state: 'closed', title: 'Update app again', body: 'more' });
        expect(await subject.openRequests()).toBe(0);
      }, 'graphql'));

    it('says what a write to a pull request found, whatever its state', () =>
      check(async (subject) => {
        const { host, repository } = subject;
        const number = await propose(subject, 'tag: v2\n');

        const open = await host.updateChangeRequest(repository, number, { body: 'more' });
        await subject.merge(number);
        const merged = await host.updateChangeRequest(repository, number, { title: 'Too late' });

        expect(open).toEqual({ state: 'open', title: TEXT.title, body: 'more' });
        expect(merged).toEqual({ state: 'merged', title: 'Too late', body: 'more' });
        expect(await host.readChangeRequest(repository, number)).toMatchObject({ state: 'merged', behind: false });
      }));

    it(`${unless('bounds')}takes texts up to the bounds of GitHub, in characters of any size, and stalls on longer ones`, () =>
      check(async (subject) => {
        const { host, repository, base, change } = subject;
        await subject.pointBranch(change, await commit(subject, 'tag: v2\n'));
        const [title, body] = ['🚀'.repeat(GITHUB_LIMITS.pullRequestTitle), '🚀'.repeat(GITHUB_LIMITS.pullRequestBody)];
        const open = (text: { readonly title: string; readonly body: string }) =>
          host.openChangeRequest(repository, { head: change, base, ...text });
        const tooLong = { disposition: 'stall', message: expect.stringContaining('is too long (maximum is') };

        await expect(open({ title: `${title}x`, body })).rejects.toMatchObject(tooLong);
        await expect(open({ title, body: `${body}x` })).rejects.toMatchObject(tooLong);
        const { number } = await open({ title, body });
        const longer = host.updateChangeRequest(repository, number, { body: `${body}x` });
        await expect(longer).rejects.toMatchObject(tooLong);
        const comment = host.comment(repository, number, `${body}${body}x`);
        await expect(comment).rejects.toMatchObject({ disposition: 'stall' });

        expect(await host.readChangeRequest(repository, number)).toMatchObject({ state: 'open', title, body });
      }, 'bounds'));

    it(`${unless('follows-branches')}finds merged what its base got by a push, and closed what has no commits of its own left`, () =>
      check(async (subject) => {
        const { host, repository, base, change } = subject;
        const merged = await propose(subject, 'tag: v2\n');
        await subject.pointBranch(base, await headOf(subject, change));
        expect(await settledState(subject, merged)).toBe('merged');

        const closed = await propose(subject, 'tag: v3\n');
        await subject.pointBranch(change, await headOf(subject, base));
        expect(await settledState(subject, closed)).toBe('closed');

        // What is closed has no base any more that could be changed, and says so.
        const again = host.updateChangeRequest(repository, closed, { title: 'Too late' });
        expect(await again).toMatchObject({ state: 'closed', title: 'Too late' });
      }, 'follows-branches'));

    it(`${unless('follows-branches')}finds closed a pull request whose base is gone`, () =>
      check(async (subject) => {
        const { base, change } = subject;
        const other = `${change}-base`;
        await subject.pointBranch(other, await headOf(subject, base));
        await subject.pointBranch(change, await commit(subject, 'tag: v2\n'));
        const { host, repository } = subject;
        const { number } = await host.openChangeRequest(repository, { head: change, base: other, ...TEXT });

        await subject.deleteBranch(other);

        expect(await settledState(subject, number)).toBe('closed');
      }, 'follows-branches'));

    it(`${unless('reopens-what-was-left')}reopens for a person what is where it was closed, and nothing that was made anew or deleted`, () =>
      check(async (subject) => {
        const { host, repository, change } = subject;
        const first = await propose(subject, 'tag: v2\n');
        await host.updateChangeRequest(repository, first, { state: 'closed' });
        expect(await subject.reopen(first)).toBe(true);
        await host.updateChangeRequest(repository, first, { state: 'closed' });

        const second = await propose(subject, 'tag: v3\n');
        expect(second).not.toBe(first);
        expect(await subject.reopen(first)).toBe(false);
        await host.updateChangeRequest(repository, second, { state: 'closed' });
        await subject.deleteBranch(change);
        expect(await subject.reopen(second)).toBe(false);

        expect(await settledState(subject, first)).toBe('closed');
        expect(await settledState(subject, second)).toBe('closed');
      }, 'reopens-what-was-left'));

    it('makes a commit with two parents that holds what the last of them holds', () =>
      check(async (subject) => {
        const { host, repository, base, change } = subject;
        const first = await headOf(subject, base);
        const theirs = await subject.commitAsPerson(base, 'app.yaml', 'tag: v9\n');
        const ours = await commit(subject, 'tag: v2\n', first);

        const oid = await host.createCommit(repository, { parents: [ours, theirs], message: 'Withdraw', files: [] });
        await subject.pointBranch(change, oid);

        expect(await subject.readFile(change, 'app.yaml')).toBe('tag: v9\n');
        expect((await host.readCommit(repository, oid)).parents).toEqual([ours, theirs]);
      }));

    it(`${unless('merges')}merges a commit into a branch, and says when the two conflict`, () =>
      check(async (subject) => {
        const { host, repository, base, change } = subject;
        const start = await headOf(subject, base);
        await subject.pointBranch(change, await commit(subject, 'tag: v2\n', start));
        const beside = await subject.commitAsPerson(base, 'other.yaml', 'x\n');
        const merge = (oid: string) => host.mergeIntoBranch(repository, { branch: change, oid, message: 'Update' });

        expect(await merge(beside)).toBe('merged');
        expect(await subject.readFile(change, 'other.yaml')).toBe('x\n');
        expect(await subject.readFile(change, 'app.yaml')).toBe('tag: v2\n');
        expect(await merge(beside)).toBe('nothing-to-merge');
        expect(await merge(await subject.commitAsPerson(base, 'app.yaml', 'tag: v9\n'))).toBe('conflict');
      }, 'merges'));

    it(`${unless('graphql')}shows comments of people who may write`, () =>
      check(async (subject) => {
        const { host, repository } = subject;
        const number = await propose(subject, 'tag: v2\n');

        await host.comment(repository, number, 'why not');

        const [listed] = await listedFrom(subject);
        // Whether our own account may write is the host's to say: an App's may not count.
        expect(listed?.comments.map(({ text }) => text).filter((text) => text !== 'why not')).toEqual([]);
      }, 'graphql'));
  });
}

/** Checks that lost answers leave nothing twice, on a host that can lose them. */
export function describeLostAnswers(host: string, start: () => Promise<FaultyChangeHost>): void {
  describe(`a change host on ${host}`, () => {
    it.each(['tree', 'commit', 'ref', 'open', 'update'] as const)(
      'ends with one branch and one pull request when the answer to the %s is lost',
      async (write) => {
        const subject = await start();
        const { host, repository, base, change } = subject;
        subject.loseAnswer(write);

        const to = await commit(subject, 'tag: v2\n');
        expect(await host.moveBranch(repository, { branch: change, from: undefined, to })).toEqual({
          outcome: 'moved',
        });
        const { number } = await host.openChangeRequest(repository, { head: change, base, ...TEXT });
        await host.updateChangeRequest(repository, number, { title: 'Update app again' });

        const listed = await listedFrom(subject);
        expect(listed.map(({ title, state }) => [title, state])).toEqual([['Update app again', 'open']]);
        expect(await subject.readFile(change, 'app.yaml')).toBe('tag: v2\n');
      },
    );
  });
}

async function headOf({ host, repository }: ChangeHostUnderTest, branch: string): Promise<string> {
  const head = await host.readBranch(repository, branch);
  if (head === undefined) throw new Error(`no branch ${branch}`);
  return head;
}

/** What becomes of a pull request that is not meant to stay open, once the host has seen what happened to its branches. */
async function settledState(
  { host, repository, settleMs = 0 }: ChangeHostUnderTest,
  number: number,
): Promise<ChangeRequest['state']> {
  const until = Date.now() + settleMs;
  for (;;) {
    const { state } = await host.readChangeRequest(repository, number);
    if (state !== 'open' || Date.now() >= until) return state;
    await sleep(500);
  }
}

/** Those of the branch under test: another case may have left its own. */
async function listedFrom({ host, repository, change }: ChangeHostUnderTest): Promise<readonly ChangeRequest[]> {
  const listed = await host.listChangeRequests(repository);
  return listed.filter(({ head }) => head.branch === change);
}

async function commit(subject: ChangeHostUnderTest, text: string, parent?: string): Promise<string> {
  return subject.host.createCommit(subject.repository, {
    parents: [parent ?? (await headOf(subject, subject.base))],
    message: `Write ${text.trim()}`,
    files: [{ path: 'app.yaml', content: Buffer.from(text) }],
  });
}

async function propose(subject: ChangeHostUnderTest, text: string): Promise<number> {
  const { host, repository, base, change } = subject;
  await subject.pointBranch(change, await commit(subject, text));
  return (await host.openChangeRequest(repository, { head: change, base, ...TEXT })).number;
}
