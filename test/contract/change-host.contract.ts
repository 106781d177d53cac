import { describe, expect, it } from 'vitest';

import type { ChangeHost, RepositoryId } from '#shared/ports/change-host.ts';

/** A host with one repository whose branch `main` holds `app.yaml` with the text `tag: v1\n`. */
export interface ChangeHostUnderTest {
  readonly host: ChangeHost;
  readonly repository: RepositoryId;
  /** Text of a file on a branch; undefined when branch or file is not there. */
  readonly readFile: (branch: string, file: string) => Promise<string | undefined>;
  /** Commits a file as a person who is not us; makes the branch when it is not there. */
  readonly commitAsPerson: (branch: string, file: string, text: string) => Promise<string>;
  readonly merge: (number: number) => Promise<void>;
  /** Makes the answer to the next write of this kind get lost after the write was done. */
  readonly loseAnswer: (write: 'tree' | 'commit' | 'ref' | 'open' | 'update') => void;
  readonly openRequests: () => Promise<number>;
}

const BRANCH = 'tidegate/production/flux-system/apps';
const TEXT = { title: 'Update app', body: 'body' };

/** What every ChangeHost promises. */
export function describeChangeHost(start: () => Promise<ChangeHostUnderTest>): void {
  describe('a change host', () => {
    it('makes a commit on top of another, on no branch, and leaves the other files', async () => {
      const subject = await start();
      await subject.commitAsPerson('main', 'other.yaml', 'x\n');
      const head = await headOf(subject, 'main');

      const oid = await commit(subject, 'tag: v2\n', head);
      await subject.host.moveBranch(subject.repository, { branch: BRANCH, from: undefined, to: oid });

      expect(await headOf(subject, 'main')).toBe(head);
      expect(await subject.readFile(BRANCH, 'app.yaml')).toBe('tag: v2\n');
      expect(await subject.readFile(BRANCH, 'other.yaml')).toBe('x\n');
    });

    it('keeps every byte of a file: byte order mark, windows line ends, characters outside ASCII', async () => {
      const subject = await start();
      const content = Buffer.from('\uFEFFtag: "é🚀"\r\n', 'utf8');
      const oid = await subject.host.createCommit(subject.repository, {
        parent: await headOf(subject, 'main'),
        message: 'bytes',
        files: [{ path: 'app.yaml', content }],
      });
      await subject.host.moveBranch(subject.repository, { branch: BRANCH, from: undefined, to: oid });

      expect(await subject.readFile(BRANCH, 'app.yaml')).toBe(content.toString('utf8'));
    });

    it('creates, moves and deletes a branch only from where it was seen', async () => {
      const subject = await start();
      const { host, repository } = subject;
      const first = await commit(subject, 'tag: v2\n');
      const second = await commit(subject, 'tag: v3\n');
      const move = (from: string | undefined, to: string | undefined) =>
        host.moveBranch(repository, { branch: BRANCH, from, to });

      expect(await move(undefined, first)).toBe('moved');
      expect(await move(undefined, second)).toBe('conflict');
      expect(await move(second, first)).toBe('moved');
      expect(await move(first, second)).toBe('moved');
      expect(await move(first, undefined)).toBe('conflict');
      expect(await host.readBranch(repository, BRANCH)).toBe(second);
      expect(await move(second, undefined)).toBe('moved');
      expect(await host.readBranch(repository, BRANCH)).toBeUndefined();
    });

    it('tells our commits from those of people', async () => {
      const subject = await start();
      const base = await headOf(subject, 'main');
      const oid = await commit(subject, 'tag: v2\n');
      await subject.host.moveBranch(subject.repository, { branch: BRANCH, from: undefined, to: oid });
      const theirs = await subject.commitAsPerson(BRANCH, 'app.yaml', 'tag: v2-mine\n');

      const commits = await subject.host.listCommits(subject.repository, { base, head: theirs });

      expect(commits.map(({ oid: id, ours }) => [id, ours])).toEqual([
        [oid, true],
        [theirs, false],
      ]);
    });

    it('lists pull requests of one branch, newest first, open, closed and merged', async () => {
      const subject = await start();
      const { host, repository } = subject;
      const filter = { head: BRANCH, base: 'main' };
      const closed = await propose(subject, 'tag: v2\n');
      await host.updateChangeRequest(repository, closed, { state: 'closed', body: 'no' });
      const merged = await propose(subject, 'tag: v3\n');
      await subject.merge(merged);
      const open = await propose(subject, 'tag: v4\n');

      const listed = await host.listChangeRequests(repository, filter);

      expect(listed.map(({ number, state }) => [number, state])).toEqual([
        [open, 'open'],
        [merged, 'merged'],
        [closed, 'closed'],
      ]);
      expect(listed[2]?.body).toBe('no');
      expect(listed[0]?.head.branch).toBe(BRANCH);
      expect(await host.listChangeRequests(repository, { head: 'other', base: 'main' })).toEqual([]);
    });

    it('opens one pull request, however often it is asked', async () => {
      const subject = await start();
      const first = await propose(subject, 'tag: v2\n');

      const again = await subject.host.openChangeRequest(subject.repository, { head: BRANCH, base: 'main', ...TEXT });

      expect(again.number).toBe(first);
      expect(await subject.openRequests()).toBe(1);
    });

    it.each(['tree', 'commit', 'ref', 'open', 'update'] as const)(
      'ends with one branch and one pull request when the answer to the %s is lost',
      async (write) => {
        const subject = await start();
        subject.loseAnswer(write);

        const number = await propose(subject, 'tag: v2\n');
        await subject.host.updateChangeRequest(subject.repository, number, { title: 'Update app again' });

        const listed = await subject.host.listChangeRequests(subject.repository, { head: BRANCH, base: 'main' });
        expect(listed.map(({ title, state }) => [title, state])).toEqual([['Update app again', 'open']]);
        expect(await subject.readFile(BRANCH, 'app.yaml')).toBe('tag: v2\n');
      },
    );
  });
}

async function headOf({ host, repository }: ChangeHostUnderTest, branch: string): Promise<string> {
  const head = await host.readBranch(repository, branch);
  if (head === undefined) throw new Error(`no branch ${branch}`);
  return head;
}

async function commit(subject: ChangeHostUnderTest, text: string, parent?: string): Promise<string> {
  return subject.host.createCommit(subject.repository, {
    parent: parent ?? (await headOf(subject, 'main')),
    message: `Write ${text.trim()}`,
    files: [{ path: 'app.yaml', content: Buffer.from(text) }],
  });
}

async function propose(subject: ChangeHostUnderTest, text: string): Promise<number> {
  const { host, repository } = subject;
  const to = await commit(subject, text);
  const from = await host.readBranch(repository, BRANCH);
  expect(await host.moveBranch(repository, { branch: BRANCH, from, to })).toBe('moved');
  return (await host.openChangeRequest(repository, { head: BRANCH, base: 'main', ...TEXT })).number;
}
