import * as fc from 'fast-check';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { diffFiles, isAncestor, listCommits, mergeBase, mergeTrees } from '#stand-ins/github/git-history.ts';
import { writeBlob, writeCommit } from '#stand-ins/github/git-objects.ts';
import { initRepository, listRefs, readRef, updateRefs, type RefUpdate } from '#stand-ins/github/git-refs.ts';
import { listTree, writeTree } from '#stand-ins/github/git-trees.ts';
import { runGit } from '#stand-ins/github/run-git.ts';
import { sampleSize } from '#test/sample-size.ts';

let folder: string;
let count = 0;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'tidegate-history-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

const LINE = fc.constantFrom('a', 'b', '  c', 'func d', 'é\r', '', '$e ');
const TEXT = fc
  .tuple(fc.array(LINE, { maxLength: 14 }), fc.boolean())
  .map(([lines, ended]) => `${lines.join('\n')}${ended && lines.length > 0 ? '\n' : ''}`);
const FILE = fc.constantFrom('a.yaml', 'a/one.yaml', 'a/two.yaml', 'a-b/c.yaml', 'b/deep/x.yaml');
const COMMIT = fc.record({
  parents: fc.uniqueArray(fc.nat(5), { minLength: 1, maxLength: 2 }),
  files: fc.dictionary(FILE, fc.oneof({ weight: 5, arbitrary: TEXT }, fc.constant(null)), { minKeys: 1, maxKeys: 3 }),
  second: fc.nat(4),
});
const HISTORY = fc.array(COMMIT, { minLength: 2, maxLength: 8 });
type Planned = typeof COMMIT extends fc.Arbitrary<infer T> ? T : never;

/** A history with its objects in files of their own, and a twin that has them in a pack, where only git reads them. */
async function make(history: readonly Planned[]) {
  count += 1;
  const [loose, packed] = [path.join(folder, `${count}.git`), path.join(folder, `${count}-packed.git`)];
  await initRepository(loose, 'main');
  const commits: string[] = [];
  for (const [index, { parents, files, second }] of history.entries()) {
    // One in six has no parent at all.
    const wanted = parents.filter((back) => back < 5).map((back) => commits.at(-1 - back));
    const shas = wanted.filter((sha) => sha !== undefined);
    const date = new Date(Date.UTC(2026, 0, 1) + (index + second) * 1000).toISOString();
    const person = { name: 'mona', email: 'mona@example.com', date };
    const changes = await Promise.all(
      Object.entries(files).map(async ([file, text]) => {
        return { path: file, mode: '100644', sha: text === null ? null : await writeBlob(loose, text) };
      }),
    );
    const [first] = shas;
    const tree = await writeTree(loose, first === undefined ? null : `${first}^{tree}`, changes);
    const message = `Commit ${index}\n`;
    const sha = await writeCommit(loose, { tree, parents: shas, author: person, committer: person, message });
    await updateRefs(loose, [{ name: `refs/heads/c${index}`, after: sha, before: null }]);
    commits.push(sha);
  }
  await cp(loose, packed, { recursive: true });
  await runGit(packed, ['repack', '-adq']);
  await runGit(packed, ['prune-packed', '-q']);
  return { loose, packed, commits };
}

describe('what the stand-in finds out about objects by itself', () => {
  it('is what git says: histories, ancestors, differences, merges and listings', { timeout: 600_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(HISTORY, fc.nat(), fc.nat(), async (history, left, right) => {
        const { loose, packed, commits } = await make(history);
        const [one = '', other = ''] = [commits[left % commits.length], commits[right % commits.length]];
        const look = async (directory: string) => ({
          all: await listCommits(directory, one),
          some: await listCommits(directory, one, [other], { skip: 1, max: 2 }),
          base: await mergeBase(directory, one, other),
          holds: await isAncestor(directory, one, other),
          files: await diffFiles(directory, one, other),
          patches: await diffFiles(directory, null, one, true),
          between: await diffFiles(directory, one, other, true),
          tree: await listTree(directory, one, true),
          merged: await mergeTrees(directory, one, other).catch(() => 'refused'),
        });

        expect(await look(loose)).toEqual(await look(packed));
      }),
      { seed: 42, numRuns: sampleSize(12, 1_000) },
    );
  });

  it('moves refs as git does, all together or not at all', { timeout: 600_000 }, async () => {
    const NAME = fc.constantFrom(
      'refs/heads/c0',
      'refs/heads/a',
      'refs/heads/a/b',
      'refs/heads/a/c',
      'refs/pull/1/head',
    );
    const ID = fc.option(fc.nat(2), { nil: null });
    const UPDATE = fc.record({ name: NAME, after: ID, before: fc.option(ID, { nil: undefined }) });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(UPDATE, { minLength: 1, maxLength: 3 }), { maxLength: 5 }), async (rounds) => {
        const { loose, packed, commits } = await make(
          [0, 1].map(() => ({ parents: [0], files: { a: 'a' }, second: 0 })),
        );
        await runGit(packed, ['pack-refs', '--all']);
        // The third is no commit of theirs.
        const idOf = (index: number): string => commits[index] ?? 'f'.repeat(40);
        for (const round of rounds) {
          const updates = round.map(({ name, after, before }): RefUpdate => {
            const from = typeof before === 'number' ? idOf(before) : before;
            return {
              name,
              after: after === null ? null : idOf(after),
              ...(from === undefined ? {} : { before: from }),
            };
          });
          const outcomes = [await updateRefs(loose, updates), await updateRefs(packed, updates)];
          expect(outcomes.map((refused) => refused === null)).toEqual(outcomes.map(() => outcomes[1] === null));
          expect(await listRefs(loose, ['refs'])).toEqual(await listRefs(packed, ['refs']));
          const first = updates[0]?.name ?? '';
          expect(await readRef(loose, first)).toEqual(await readRef(packed, first));
        }
      }),
      { seed: 42, numRuns: sampleSize(12, 1_000) },
    );
  });
});
