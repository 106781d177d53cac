import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { ImageChange } from '#shared/image-update/plan-edits.ts';
import {
  formatCommitMessage,
  formatSection,
  formatTitle,
  formatWithdrawal,
  placeSection,
  saysSection,
} from '#shared/image-update/pull-request-text.ts';
import { GITHUB_LIMITS, lengthOnGitHub } from '#shared/pull-requests/github-limits.ts';
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
const D1 = `sha256:${'1'.repeat(64)}`;
const D2 = `sha256:${'2'.repeat(64)}`;
const END = '<!-- tidegate:end -->';
const COMMIT = { branchName: 'tidegate/production/ns/apps', images: new Map([['ns/app', 'reg.io/app']]) };

const HOSTILE = [
  '@acme/admins',
  'x @alice',
  'fixes #1',
  'closes acme/fleet#2',
  '![](http://evil.example/x.png)',
  '<!-- tidegate:begin {} -->',
  '-->',
  END,
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
        const changes: ImageChange[] = [{ policy: 'ns/app', file, line: 1, path, part: 'tag', from, to: '1.1.0' }];

        const body = formatSection(subjectOf(changes));
        const message = formatCommitMessage({ ...subjectOf(changes), ...COMMIT });

        const section = body.slice(body.indexOf(' -->') + 4, body.lastIndexOf(END));
        expect(section.replace(/`[^`\n]*`/gu, '')).not.toMatch(/[@#<]|https?:|!\[|fix|close[sd]/u);
        expect(body.match(/<!--/gu)).toHaveLength(2);
        expect(section.split('\n').filter((line) => line.startsWith('| `'))).toHaveLength(1);
        expect(message).not.toMatch(/(^|\W)@\w|#|\u202E/u);
        const trailers = message.split('\n').flatMap((line) => /^([\w-]+): /u.exec(line)?.[1] ?? []);
        const change = path.length + file.length + from.length > 15_000 ? 'Tidegate-Changes' : 'Tidegate-Change';
        expect(trailers.map((key) => key.replace(/s$/u, ''))).toEqual(
          [
            'Tidegate-Automation',
            'Tidegate-Installation',
            'Tidegate-Base',
            'Tidegate-Branch',
            'Tidegate-Content',
            change,
            'Co-authored-by',
          ].map((key) => key.replace(/s$/u, '')),
        );
        expect(formatTitle(changes)).toBe('Update app to 1.1.0');
      }),
      { seed: 42, numRuns: sampleSize(500, 5000) },
    );
  });

  it.each([1, 78, 93, 200, 285, 10_000])(
    'fits what GitHub takes with %d changes, and says how many there are',
    (count) => {
      const changes = Array.from({ length: count }, (_, index): ImageChange => {
        const file = `apps/${'long-folder-name/'.repeat(10)}team-${index}/deployment.yaml`;
        const path = 'spec.template.spec.containers[0].image';
        const image = `123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app-${index}`;
        const [from, to] = [`${image}:20261101-${index}@${D1}`, `${image}:20261102-${index}@${D2}`];
        return { policy: `flux-system/app-${index}`, file, line: 12, path, part: 'image', from, to };
      });

      const section = formatSection(subjectOf(changes));
      const rows = section.split('\n').filter((line) => line.startsWith('| `')).length;

      expect(lengthOnGitHub(section)).toBeLessThanOrEqual(GITHUB_LIMITS.pullRequestBody);
      expect(lengthOnGitHub(formatTitle(changes))).toBeLessThanOrEqual(GITHUB_LIMITS.pullRequestTitle);
      expect(rows).toBeGreaterThan(0);
      expect(section.includes(`and ${count - rows} more`)).toBe(rows < count);
      expect(section.endsWith(END)).toBe(true);
    },
  );

  it('tells updates of one digest from updates of another', () => {
    const of = (to: string): ImageChange => ({
      policy: 'ns/app',
      file: 'a.yaml',
      line: 1,
      path: 'image',
      part: 'image',
      from: `reg.io/app:1.0@${D1}`,
      to,
    });

    expect(formatTitle([of(`reg.io/app:1.0@${D2}`)])).toBe('Update app to 1.0@sha256:222222222222');
    expect(formatTitle([of(`reg.io/app:1.1@${D2}`)])).toBe('Update app to 1.1');
    expect(formatSection(subjectOf([of(`reg.io/app:1.0@${D2}`)]))).toContain('`reg.io/app:1.0@sha256:222222222222…`');
  });

  it('names the author that the automation asks for', () => {
    const message = formatCommitMessage({ ...subjectOf([]), ...COMMIT });

    expect(message).toContain('\nTidegate-Automation: production/ns/apps\n');
    expect(message).toContain('\nCo-authored-by: Flux Bot <bot@example.org>\n');
  });
});

describe('our section of a body', () => {
  const section = formatSection(subjectOf([changeTo('1.1.0')]));
  const next = formatSection({ ...subjectOf([changeTo('1.2.0')]), edits: [edit('1.2.0')] });

  it.each([
    ['around it', `- [x] checked\n${section}\nthanks`, `- [x] checked\n${next}\nthanks`],
    ['around it, with the line ends of a browser', `a\r\n${section.replaceAll('\n', '\r\n')}`, `a\n${next}`],
    ['in its place', 'Please wait for the release notes.', `Please wait for the release notes.\n\n${next}`],
    ['nowhere', '', next],
  ])('keeps the words of people %s', (_where, body, expected) => {
    expect(placeSection(body, next)).toBe(expected);
    expect(placeSection(placeSection(body, next), next)).toBe(expected);
  });

  it('loses no word of people, whatever they did to its marks, however often it is renewed', () => {
    const [first = '', ...lines] = section.split('\n');
    const words = fc.integer({ min: 0, max: 999 }).map((number) => `words ${number}`);
    const piece = fc.oneof(
      words,
      fc.constantFrom(section, first, END, lines.join('\n'), section.replace(END, ''), `${section} ${section}`, ''),
      words.map((text) => section.replace('\n\n', `\n${text}\n`)),
      words.map((text) => `${first} ${text}\n${lines.join('\n')}`),
      words.map((text) => `${text} ${section} ${text}`),
    );
    const wordsOf = (body: string) => [...body.matchAll(/words \d+/gu)].map(String).sort();
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), fc.constantFrom('\n', '\r\n'), (pieces, newline) => {
        const body = pieces.join('\n').replaceAll('\n', newline);

        const renewed = placeSection(placeSection(placeSection(body, next), section), next);

        expect(wordsOf(renewed)).toEqual(wordsOf(body));
        expect(renewed).toContain(next);
        expect(placeSection(renewed, next)).toBe(renewed);
      }),
      { numRuns: sampleSize(300, 10_000) },
    );
  });

  it('gives up rows, never the words of people', () => {
    const many = formatSection(subjectOf(Array.from({ length: 200 }, (_, index) => changeTo(`1.${index}.0`))));
    const words = 'w'.repeat(GITHUB_LIMITS.pullRequestBody - 5_000);

    const body = placeSection(words, many);

    expect(body.startsWith(words)).toBe(true);
    expect(lengthOnGitHub(body)).toBeLessThanOrEqual(GITHUB_LIMITS.pullRequestBody);
    expect(body).toMatch(/\(\d+ rows are left out here/u);
    const full = 'w'.repeat(GITHUB_LIMITS.pullRequestBody - 10);
    expect(placeSection(full, many)).toBe(full);
  });

  it('says whether it is about the commit that the branch holds', () => {
    expect(saysSection(`x\n${section}`, section)).toBe('same');
    expect(saysSection(section.replace('Merge to deploy', 'Merge'), section)).toBe('other-words');
    expect(saysSection(section, next)).toBe('another-change');
    expect(saysSection('mine', next)).toBe('another-change');
  });

  it('no longer asks to merge when it is withdrawn, and says why', () => {
    const { section: withdrawn } = formatWithdrawal('automation-is-gone', {
      memory: { cluster: 'production', automation: 'ns/apps' },
      base: 'main',
    });

    const body = placeSection(`mine\n${section}`, withdrawn);

    expect(body).not.toContain('Merge to deploy');
    expect(body).toContain('mine\n');
    expect(body).toContain('`ns/apps` of cluster `production` is no longer in the configuration');
  });
});

function subjectOf(changes: readonly ImageChange[]) {
  return {
    cluster: 'production',
    automation: AUTOMATION,
    checkout: { base: 'main', installation: 'default' },
    changes,
    edits: [],
  };
}

function changeTo(to: string): ImageChange {
  return { policy: 'ns/app', file: 'app.yaml', line: 1, path: 'tag', part: 'tag', from: '1.0.0', to };
}

function edit(text: string) {
  return { file: 'app.yaml', content: Buffer.from(text), executable: false };
}
