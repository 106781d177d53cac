import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { formatRevision, parseRevision } from '#shared/sources/revision.ts';
import { sampleSize } from '#test/sample-size.ts';

const OID = fc.oneof(fc.stringMatching(/^[0-9a-f]{40}$/), fc.stringMatching(/^[0-9a-f]{64}$/));

describe('a revision', () => {
  it('is read back as it was written, whatever the name of the branch', () => {
    fc.assert(
      fc.property(fc.option(fc.string({ minLength: 1 }), { nil: undefined }), OID, (name, oid) => {
        const revision = name === undefined ? { oid } : { name, oid };
        expect(parseRevision(formatRevision(revision))).toEqual(revision);
      }),
      { seed: 42, numRuns: sampleSize(200, 5_000) },
    );
  });

  it.each([
    [{ name: 'main', oid: 'a'.repeat(40) }, `main@sha1:${'a'.repeat(40)}`],
    [{ name: 'feature/x@y', oid: 'b'.repeat(40) }, `feature/x@y@sha1:${'b'.repeat(40)}`],
    [{ oid: 'c'.repeat(40) }, `sha1:${'c'.repeat(40)}`],
    [{ name: 'v1.0.0', oid: 'd'.repeat(64) }, `v1.0.0@sha256:${'d'.repeat(64)}`],
  ])('%j is written %s', (revision, text) => {
    expect(formatRevision(revision)).toBe(text);
  });

  it.each([
    '',
    'main',
    'main@sha1:',
    `main@${'a'.repeat(40)}`,
    `main@sha1:${'A'.repeat(40)}`,
    `main@sha1:${'a'.repeat(39)}`,
    `main@sha256:${'a'.repeat(40)}`,
    `@sha1:${'a'.repeat(40)}`,
  ])('%j is none', (text) => {
    expect(parseRevision(text)).toBeUndefined();
  });
});
