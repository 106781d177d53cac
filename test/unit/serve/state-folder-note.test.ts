import { cp, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { nameStateFolder } from '#serve/name-state-folder.ts';
import { readNote, writeNote } from '#serve/state-folder-note.ts';

let parent: string;
let folder: string;

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'tidegate-note-'));
  folder = join(parent, 'state');
});
afterEach(() => rm(parent, { recursive: true, force: true }));

describe('the name of a state folder', () => {
  it('stays from one start to the next, also when the folder is moved', async () => {
    const name = await nameStateFolder(folder);
    expect(await nameStateFolder(folder)).toBe(name);

    await rename(folder, join(parent, 'moved'));
    expect(await nameStateFolder(join(parent, 'moved'))).toBe(name);
  });

  it('is another one in a copy, and stays what it was in the original', async () => {
    const name = await nameStateFolder(folder);
    const copy = join(parent, 'copy');
    await cp(folder, copy, { recursive: true, preserveTimestamps: true });

    const copied = await nameStateFolder(copy);

    expect(copied).not.toBe(name);
    expect(await nameStateFolder(copy)).toBe(copied);
    expect(await nameStateFolder(folder)).toBe(name);
  });
});

describe('a note of a state folder', () => {
  it.each(['', 'serve-1', 'serve-1 ', 'serve-1 0', 'serve-1 x y', '\n'])(
    'that reads %j counts for nothing',
    async (text) => {
      const file = join(parent, 'note');
      await writeFile(file, text);
      expect(await readNote(file)).toBeUndefined();
    },
  );

  it('is read as it was written last', async () => {
    const file = join(parent, 'note');
    await writeNote(file, 'one');
    await writeNote(file, 'two');
    expect(await readNote(file)).toBe('two');
  });
});
