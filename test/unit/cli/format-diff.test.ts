import * as fc from 'fast-check';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { formatDiff } from '#cli/format-diff.ts';
import { makeTemporaryFolder } from '#test/make-temporary-folder.ts';
import { sampleSize } from '#test/sample-size.ts';

describe('showing a change', () => {
  it('shows the lines around it and no others', () => {
    const before = 'a\nb\nc\nd\ne\nf\ng\nh\n';

    expect(formatDiff('x.yaml', before, before.replace('e\n', 'e\nnew\n'))).toBe(
      '--- x.yaml\n+++ x.yaml\n@@ -3,6 +3,7 @@\n c\n d\n e\n+new\n f\n g\n h\n',
    );
  });

  it('says nothing of no change', () => {
    expect(formatDiff('x.yaml', 'a\n', 'a\n')).toBe('');
  });

  it('is a patch that git applies', () => {
    const line = fc.constantFrom('a', 'b', '', '- c: d', '# e');
    const lines = fc.array(line, { minLength: 1, maxLength: 12 });
    const folder = makeTemporaryFolder('diff');
    fc.assert(
      fc.property(lines, lines, fc.nat(), (old, added, place) => {
        const at = place % (old.length + 1);
        const withEnds = (parts: readonly string[]): string => parts.map((part) => `${part}\n`).join('');
        const [before, after] = [withEnds(old), withEnds([...old.slice(0, at), ...added, ...old.slice(at)])];
        writeFileSync(join(folder, 'x'), before);
        writeFileSync(join(folder, 'patch'), formatDiff('x', before, after));
        execFileSync('git', ['apply', '-p0', 'patch'], { cwd: folder, stdio: 'pipe' });
        expect(readFileSync(join(folder, 'x'), 'utf8')).toBe(after);
      }),
      { seed: 42, numRuns: sampleSize(25, 300) },
    );
  });
});
