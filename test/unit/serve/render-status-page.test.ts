import * as fc from 'fast-check';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { renderStatusPage, STATUS_PAGE_HEADERS } from '#serve/render-status-page.ts';
import { openStatusPageLinks } from '#serve/status-page-links.ts';
import { redactText } from '#shared/common/redact-secrets.ts';
import { findConcerns } from '#shared/notify/find-concerns.ts';
import type { EventRecord, StatusRecord } from '#shared/records/journal-record.ts';
import { clusterObject } from '#shared/records/journal-record.ts';
import { makeTemporaryFolder } from '#test/make-temporary-folder.ts';
import { sampleSize } from '#test/sample-size.ts';

const OBJECT = { cluster: 'laptop', kind: 'Kustomization', namespace: 'flux-system', name: 'apps' };

/** A page whose every text from outside is this one. */
function pageOf(text: string, known: readonly string[] = []): string {
  const object = { ...OBJECT, name: text };
  const status: StatusRecord = {
    type: 'Status',
    object,
    conditions: [
      { type: 'Ready', status: 'False', reason: text, message: text, lastTransitionTime: 0 },
      { type: 'Stalled', status: 'True', reason: text, message: text, lastTransitionTime: 0 },
    ],
    lastAppliedRevision: text,
    lastAttemptedRevision: text,
    report: { repository: text, commit: text },
    withheld: { count: 1, line: text, todo: text },
    suspended: false,
    observedAt: 0,
    details: { withheld: text, doubts: text, orphans: text, changes: text, withheldSince: text },
  };
  const event: EventRecord = {
    type: 'Event',
    id: text,
    object,
    severity: 'error',
    reason: text,
    message: text,
    revision: text,
    at: Number.NaN,
  };
  const redact = (one: string): string => redactText(one, known);
  return renderStatusPage({ object, status, concerns: findConcerns(status), events: [event], redact, now: 0 });
}

/** The elements and attributes of a page, without its texts. */
const skeletonOf = (html: string): string => html.replaceAll(/>[^<]*/gu, '>');

describe('the page behind a commit status', () => {
  it('says what waits, since when, what to do, and all of the message', () => {
    const html = pageOf('it would lose all of its 111 objects');

    expect(html.split('it would lose all of its 111 objects').length).toBeGreaterThan(10);
    expect(html).toContain('since 1970-01-01T00:00:00.000Z');
    expect(html).toContain('To do: ');
  });

  it.each([
    '<script>alert(1)</script>',
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    '</pre></style><svg/onload=alert(1)>',
    '&lt;script&gt;',
    '<!--',
    'javascript:alert(1)',
    'https://evil.dev/" target="x',
  ])('shows %s as the text that it is', (text) => {
    expect(skeletonOf(pageOf(text))).toBe(skeletonOf(pageOf('harmless')));
  });

  it('has the same elements and attributes whatever its texts are', () => {
    const hostile = fc.array(fc.constantFrom('<', '>', '"', "'", '&', '/', '=', '!--', 'a', ';', '\uD800', '\0'), {
      maxLength: 30,
    });
    const expected = skeletonOf(pageOf('a'));
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary', minLength: 1 }),
          hostile.map((parts) => `a${parts.join('')}`),
        ),
        (text) => {
          const html = pageOf(text);
          expect(skeletonOf(html)).toBe(expected);
          expect(html.isWellFormed()).toBe(true);
        },
      ),
      { seed: 17, numRuns: sampleSize(300, 20_000) },
    );
  });

  it('loads nothing, runs nothing and tells nobody its address', () => {
    const policy = STATUS_PAGE_HEADERS['content-security-policy'];

    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain('unsafe');
    expect(STATUS_PAGE_HEADERS).toMatchObject({ 'referrer-policy': 'no-referrer', 'cache-control': 'no-store' });
    expect(pageOf('a')).not.toMatch(/<(?:script|img|link|iframe|form|a)\b|\son\w+=|(?:src|href)=/u);
  });

  it('holds no secret that is known, and nothing that looks like one', () => {
    const token = `ghp_${'c4nary'.repeat(6)}`;
    const html = pageOf(`with hunter2-canary and ${token}`, ['hunter2-canary']);

    expect(html).not.toContain('hunter2-canary');
    expect(html).not.toContain(token);
  });
});

describe('the addresses of pages', () => {
  const open = (folder = makeTemporaryFolder('pages')) => openStatusPageLinks(folder);

  it('lead to the object that they were made for, and to nothing when one character is another', async () => {
    const links = await open();
    for (const object of [OBJECT, clusterObject('laptop'), { ...OBJECT, namespace: 'a', name: 'x.y' }]) {
      const path = links.pathOf(object);
      expect(links.find(path)).toEqual(object);
      for (let at = 0; at < path.length; at += 1) {
        const changed = `${path.slice(0, at)}${path[at] === 'x' ? 'y' : 'x'}${path.slice(at + 1)}`;
        expect(links.find(changed)).toBeUndefined();
      }
    }
  });

  it('are found by nobody who has no link, whatever is asked', async () => {
    const links = await open();
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(links.find(text)).toBeUndefined();
        expect(links.find(`/status/${text}`)).toBeUndefined();
      }),
      { seed: 17, numRuns: sampleSize(300, 20_000) },
    );
  });

  it('last as long as the state folder, and no longer than its key, which only its owner reads', async () => {
    const folder = makeTemporaryFolder('pages');
    const path = (await open(folder)).pathOf(OBJECT);

    expect((await open(folder)).find(path)).toEqual(OBJECT);
    expect((await open()).find(path)).toBeUndefined();
    expect(statSync(join(folder, 'page-key')).mode & 0o777).toBe(0o600);
    expect(path).not.toContain(readFileSync(join(folder, 'page-key'), 'utf8').trim());
    writeFileSync(join(folder, 'page-key'), 'damaged');
    expect((await open(folder)).find(path)).toBeUndefined();
  });
});
