import * as fc from 'fast-check';
import { pack } from 'tar-stream';
import { describe, expect, it } from 'vitest';

import type { SourceFile, SourceTree } from '#shared/common/source-tree.ts';
import { TidegateError } from '#shared/common/tidegate-error.ts';
import {
  artifactDigest,
  DEFAULT_SOURCE_LIMITS,
  packArtifact,
  unpackArtifact,
  type SourceLimits,
} from '#shared/sources/artifact.ts';
import { checkArtifactPath } from '#shared/sources/check-artifact-path.ts';
import { sampleSize } from '#test/sample-size.ts';

const NAME = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 120 })
  .filter((name) => !name.includes('/') && checkArtifactPath(name) === undefined && name.isWellFormed());
const FILE: fc.Arbitrary<SourceFile> = fc.record({
  bytes: fc.uint8Array({ maxLength: 2000 }),
  executable: fc.boolean(),
});
/** Folders begin with `d`, files with `f`, so that no path is both. */
const PATH = fc
  .tuple(fc.array(NAME, { maxLength: 4 }), NAME)
  .map(([folders, name]) => [...folders.map((folder) => `d${folder}`), `f${name}`].join('/'));
const ENTRIES = fc.uniqueArray(fc.tuple(PATH, FILE), { maxLength: 20, selector: ([path]) => path });

describe('an artifact', () => {
  it('gives back the tree it was made of', async () => {
    await fc.assert(
      fc.asyncProperty(ENTRIES, async (entries) => {
        const unpacked = await unpackArtifact(await packArtifact(new Map(entries)), DEFAULT_SOURCE_LIMITS);
        expect([...unpacked.keys()].sort()).toEqual(entries.map(([path]) => path).sort());
        for (const [path, file] of entries) {
          expect(unpacked.get(path)?.executable).toBe(file.executable);
          expect(Buffer.compare(unpacked.get(path)?.bytes ?? Buffer.from('absent'), file.bytes)).toBe(0);
        }
      }),
      { seed: 42, numRuns: sampleSize(100, 2_000) },
    );
  });

  it('has the same bytes in whatever order the files were read', async () => {
    await fc.assert(
      fc.asyncProperty(
        ENTRIES.chain((entries) =>
          fc.tuple(
            fc.constant(entries),
            fc.shuffledSubarray(entries, { minLength: entries.length, maxLength: entries.length }),
          ),
        ),
        async ([entries, shuffled]) => {
          expect(artifactDigest(await packArtifact(new Map(entries)))).toBe(
            artifactDigest(await packArtifact(new Map(shuffled))),
          );
        },
      ),
      { seed: 42, numRuns: sampleSize(100, 2_000) },
    );
  });

  it('has the digest that other versions of Tidegate gave it, or every cache would go cold', async () => {
    const tree = files({ 'b.yaml': 'b', 'a/run.sh': '#!/bin/sh', é: 'é' });
    expect(artifactDigest(await packArtifact(tree))).toMatchInlineSnapshot(
      `"sha256:a7e2e9941bbcce8d7e230d33056e4f9080297fa5b31e7b43eb5afc3bda544cd1"`,
    );
  });

  it('changes when one byte, one path or one executable bit does', async () => {
    const original = artifactDigest(await packArtifact(files({ a: '1', b: '2' })));
    const others = [
      files({ a: '1', b: '3' }),
      files({ a: '1', c: '2' }),
      files({ a: '1' }),
      new Map([...files({ a: '1' }), ['b', { bytes: Buffer.from('2'), executable: true }] as const]),
    ];
    for (const other of others) expect(artifactDigest(await packArtifact(other))).not.toBe(original);
  });
});

type RawEntry = Parameters<ReturnType<typeof pack>['entry']>[0] & { readonly body?: string };

const HOSTILE: readonly (readonly [string, readonly RawEntry[], RegExp])[] = [
  ['climbs out', [{ name: '../evil' }], /"\.\.\/evil" holds a "\." or "\.\." part/],
  ['climbs out later', [{ name: 'a/../../evil' }], /"\." or "\.\." part/],
  ['is absolute', [{ name: '/etc/passwd' }], /"\/etc\/passwd" is absolute/],
  ['is the root', [{ name: '.' }], /"\." or "\.\." part/],
  ['has an empty part', [{ name: 'a//b' }], /empty part/],
  ['reaches into .git', [{ name: 'a/.GIT/hooks/post-checkout' }], /"\.git" folder/],
  ['is a folder that climbs out', [{ name: '../up/', type: 'directory' }], /"\.\." part/],
  ['is a symbolic link', [{ name: 'a', type: 'symlink', linkname: '/etc/passwd' }], /"a" is a symlink/],
  ['is a symbolic link inside', [{ name: 'a', type: 'symlink', linkname: 'b' }], /"a" is a symlink/],
  ['is a hard link', [{ name: 'a', type: 'link', linkname: 'b' }], /"a" is a link/],
  ['is a character device', [{ name: 'a', type: 'character-device' }], /"a" is a character-device/],
  ['is a block device', [{ name: 'a', type: 'block-device' }], /"a" is a block-device/],
  ['is a pipe', [{ name: 'a', type: 'fifo' }], /"a" is a fifo/],
  ['is there twice', [{ name: 'a' }, { name: 'a' }], /"a" is there twice/],
  ['is a file and a folder', [{ name: 'a' }, { name: 'a/b' }], /"a" is a file and a folder/],
  ['is a folder and a file', [{ name: 'a/b/c' }, { name: 'a/b' }], /"a\/b" is a file and a folder/],
  ['hides in a long path', [{ name: `${'x'.repeat(150)}/../../evil` }], /"\." or "\.\." part/],
];

describe('a hostile archive', () => {
  it.each(HOSTILE)('is refused when an entry %s', async (_case, entries, reason) => {
    await expect(unpackArtifact(await rawTar(entries), DEFAULT_SOURCE_LIMITS)).rejects.toMatchObject({
      code: 'ArtifactFailed',
      disposition: 'stall',
      message: expect.stringMatching(reason),
    });
  });

  const limits: SourceLimits = { files: 3, bytes: 100 };

  it.each([
    ['too many files', ['a', 'b', 'c', 'd'].map((name) => ({ name })), /more than the allowed 3 files/],
    ['too many bytes in all', ['a', 'b'].map((name) => ({ name, body: 'x'.repeat(51) })), /allowed 100 bytes/],
    ['one huge file', [{ name: 'a', body: 'x'.repeat(60_000) }], /is larger than the allowed/],
  ])('with %s is held to the limits', async (_case, entries, reason) => {
    await expect(unpackArtifact(await rawTar(entries), limits)).rejects.toThrow(reason);
  });

  it('is refused, whole, when it is cut anywhere inside an entry', async () => {
    const bytes = await packArtifact(files({ a: 'x'.repeat(3000), b: 'y' }));
    for (let length = 1; length < 3500; length += 100) {
      await expect(unpackArtifact(bytes.slice(0, length), DEFAULT_SOURCE_LIMITS)).rejects.toMatchObject({
        code: 'ArtifactFailed',
      });
    }
  });

  it('never does worse than to be refused, whatever bits flip', async () => {
    const bytes = await packArtifact(files({ 'a/b.yaml': 'kind: A', c: 'x'.repeat(700) }));
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), async (at, mask) => {
        const flipped = bytes.slice();
        flipped[at] = (flipped[at] ?? 0) ^ mask;
        const outcome = await unpackArtifact(flipped, DEFAULT_SOURCE_LIMITS).catch((error: unknown) => error);
        const harmless = outcome instanceof TidegateError ? outcome.code === 'ArtifactFailed' : isSafe(outcome);
        expect(harmless).toBe(true);
      }),
      { seed: 42, numRuns: sampleSize(300, 5_000) },
    );
  });

  it.each(['../a', '/a', 'a//b', '.git/config', 'a\0b', ''])('is never made by us: path %j', async (path) => {
    await expect(packArtifact(files({ good: 'x', [path]: 'x' }))).rejects.toMatchObject({ code: 'ArtifactFailed' });
  });
});

function isSafe(tree: unknown): boolean {
  return tree instanceof Map && [...tree.keys()].every((path) => checkArtifactPath(String(path)) === undefined);
}

function files(contents: Readonly<Record<string, string>>): SourceTree {
  return new Map(
    Object.entries(contents).map(([path, text]) => [path, { bytes: Buffer.from(text), executable: false }]),
  );
}

function rawTar(entries: readonly RawEntry[]): Promise<Uint8Array> {
  const archive = pack();
  for (const { body, ...header } of entries) {
    if (header.type === undefined || header.type === 'file') archive.entry(header, body ?? '');
    else archive.entry({ ...header, size: 0 });
  }
  archive.finalize();
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    archive.on('data', (chunk) => {
      if (chunk instanceof Uint8Array) chunks.push(chunk);
    });
    archive.on('end', () => resolve(Buffer.concat(chunks)));
    archive.on('error', reject);
  });
}
