import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { formatChangeBlock, parseChangeBlock, replaceSection, type ChangeBlock } from '#shared/change/change-block.ts';
import { formatBody, formatCommitMessage, formatTitle } from '#shared/change/pull-request-text.ts';
import type { ImageChange } from '#shared/edit/plan-edits.ts';
import { sampleSize } from '#test/sample-size.ts';

const AUTOMATION = {
  namespace: 'ns',
  name: 'apps',
  sourceRef: { kind: 'GitRepository', namespace: 'ns', name: 'fleet' },
  intervalMs: 60_000,
  updatePath: './',
  commitAuthor: { name: 'Flux Bot', email: 'bot@example.org' },
  suspend: false,
} as const;
const OWNER = { cluster: 'production', automation: 'ns/apps' };

const HOSTILE = [
  '@acme/admins',
  'x @alice',
  'fixes #1',
  'closes acme/fleet#2',
  '![](http://evil.example/x.png)',
  '<!-- tidegate:change {} -->',
  '-->',
  '<!-- tidegate:end -->',
  '`code` @alice',
  '``` @alice',
  'a | b',
  'line\n\nSigned-off-by: Eve <eve@example.org>',
  'line\r\nCo-authored-by: Eve <eve@example.org>',
  '\u202Egnp.exe',
  '\u200B',
  '\u0000',
  'x'.repeat(10_000),
];

describe('the text of a pull request', () => {
  it('carries nothing that mentions, closes, links or adds a trailer, whatever stands in the repository', () => {
    const text = fc.oneof(fc.constantFrom(...HOSTILE), fc.string({ unit: 'grapheme', maxLength: 80 }));
    const mixed = fc.tuple(text, text).map(([a, b]) => `${a}${b}`);
    fc.assert(
      fc.property(mixed, mixed, mixed, (file, from, path) => {
        const change: ImageChange = { policy: 'ns/app', file, line: 1, path, part: 'tag', from, to: '1.1.0' };
        const subject = { cluster: 'production', automation: AUTOMATION, changes: [change], edits: [] };

        const body = formatBody(subject);
        const message = formatCommitMessage(subject);

        const section = body.slice(body.indexOf(' -->') + 4, body.lastIndexOf('<!-- tidegate:end -->'));
        expect(section.replace(/`[^`\n]*`/gu, '')).not.toMatch(/[@#<]|https?:|!\[|fix|close[sd]/u);
        expect(body.match(/<!--/gu)).toHaveLength(2);
        expect(section.split('\n').filter((line) => line.startsWith('| `'))).toHaveLength(1);
        expect(message).not.toMatch(/(^|\W)@\w|#|\u202E/u);
        expect(message.split('\n').filter((line) => /^[\w-]+: /u.test(line))).toHaveLength(3);
        expect(formatTitle([change])).toBe('Update app to 1.1.0');
        expect(body.length).toBeLessThan(65_536);
      }),
      { seed: 42, numRuns: sampleSize(500, 5000) },
    );
  });

  it('names the author that the automation asks for', () => {
    const message = formatCommitMessage({ cluster: 'production', automation: AUTOMATION, changes: [], edits: [] });

    expect(message).toContain('\nTidegate-Automation: production/ns/apps\n');
    expect(message).toContain('\nCo-authored-by: Flux Bot <bot@example.org>\n');
  });
});

describe('the block in a pull request', () => {
  it('is read back as it was written, whatever its values hold and whatever people write around it', () => {
    const text = fc.oneof(fc.constantFrom(...HOSTILE.slice(0, -1)), fc.string({ unit: 'binary', maxLength: 60 }));
    fc.assert(
      fc.property(text, text, text, text, (file, from, before, after) => {
        const change = { policy: 'ns/app', file, path: 'tag', part: 'tag', from, to: '1.1.0' } as const;
        const block: ChangeBlock = { version: 1, ...OWNER, state: 'proposed', changes: [change] };

        const body = `${before}\n${formatChangeBlock(block)}\n${after}`;

        expect(parseChangeBlock(body, OWNER)).toEqual(block);
        expect(parseChangeBlock(body, { ...OWNER, cluster: 'other' })).toBeUndefined();
      }),
      { seed: 42, numRuns: sampleSize(500, 5000) },
    );
  });

  it.each([
    ['no block', 'text'],
    ['cut off', '<!-- tidegate:change {"version":1'],
    ['no JSON', '<!-- tidegate:change nonsense -->'],
    ['another version', '<!-- tidegate:change {"version":2} -->'],
    ['wrong types', '<!-- tidegate:change {"version":1,"cluster":1,"automation":[],"changes":{}} -->'],
  ])('is nothing when damaged: %s', (_what, body) => {
    expect(parseChangeBlock(body, OWNER)).toBeUndefined();
  });

  it('is replaced in its place, and what people wrote around it stays', () => {
    const subject = { cluster: 'production', automation: AUTOMATION, changes: [], edits: [] };
    const body = `- [x] checked\n${formatBody(subject)}\nthanks`;

    const replaced = replaceSection(body, formatBody(subject, 'superseded'));

    expect(replaced.startsWith('- [x] checked\n<!--')).toBe(true);
    expect(replaced.endsWith('-->\nthanks')).toBe(true);
    expect(parseChangeBlock(replaced, OWNER)?.state).toBe('superseded');
  });
});
