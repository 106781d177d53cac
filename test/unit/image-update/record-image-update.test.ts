import { describe, expect, it } from 'vitest';

import type { ImageUpdateResult } from '#shared/image-update/execute-image-update.ts';
import { findPolicyMarkers } from '#shared/image-update/find-policy-markers.ts';
import type { ImageUpdatePlan } from '#shared/image-update/plan-image-update.ts';
import { recordFailure, recordImageUpdate } from '#shared/image-update/record-image-update.ts';
import { MAX_RECORD_BYTES, recordBytes } from '#shared/journal/refuse-oversized-write.ts';
import type { StatusRecord } from '#shared/records/journal-record.ts';

const CONTEXT = { cluster: 'one', now: 0, previous: [] };
const AUTOMATION = {
  namespace: 'ns',
  name: 'apps',
  sourceRef: { kind: 'GitRepository', namespace: 'ns', name: 'fleet' },
  intervalMs: 60_000,
  updatePath: './',
  commitAuthor: { email: 'bot@example.org' },
  suspend: false,
} as const;
const CHECKOUT = {
  repository: { owner: 'acme', name: 'fleet' },
  url: 'https://github.com/acme/fleet',
  base: 'main',
  branch: 'tidegate/one/ns/apps',
  mode: 'pull-request',
  installation: 'tidegate',
} as const;
const NOTHING: ImageUpdatePlan = {
  update: { action: 'none' },
  changes: [],
  edits: [],
  held: [],
  ahead: [],
  doubts: [],
  problems: [],
};
const PROBLEM = { file: 'y.yaml', line: 2, field: '', message: 'cannot be edited as YAML' };

describe('what is recorded of a run', () => {
  it('says once what holds of many places, and counts what is too much to say', () => {
    const message = messageOf({ held: heldAt(2_500, ['1.1.0']) });

    expect(message).toContain('1.1.0 is held at apps/many.yaml:1 and 2499 other places: #1 was closed');
    expect(message.match(/is held at/gu)).toHaveLength(1);

    const many = messageOf({
      held: heldAt(
        100,
        Array.from({ length: 50 }, (_, index) => `1.${index}.0`),
      ),
    });
    expect(many.match(/is held at/gu)).toHaveLength(20);
    expect(many).toContain('and 30 more like these');
  });

  it('fits into a record, however much there is to say', () => {
    const text = '\u{1F6A2}\n'.repeat(200_000);

    const plan = { ...NOTHING, doubts: [text], problems: [{ ...PROBLEM, message: text }] };
    const records = [
      ...recordImageUpdate(CONTEXT, AUTOMATION, { checkout: CHECKOUT, plan, result: { outcome: 'nothing-to-do' } }),
      ...recordFailure(CONTEXT, AUTOMATION, new Error(text)),
    ];

    expect(records).toHaveLength(4);
    for (const record of records) expect(recordBytes(record)).toBeLessThan(MAX_RECORD_BYTES);
  });

  it.each<[what: string, plan: Partial<ImageUpdatePlan>, isComplete: boolean]>([
    ['nothing was left out', {}, true],
    ['a version is held', { held: heldAt(1, ['1.1.0']) }, false],
    ['a policy is undecided', { doubts: ['ns/app is undecided (suspended)'] }, false],
    ['a file cannot be read', { problems: [PROBLEM] }, false],
  ])('calls a repository up to date and a proposal the newest only when it is: %s', (_what, plan, isComplete) => {
    const changeRequest = { number: 7, url: 'u' } as Extract<
      ImageUpdateResult,
      { outcome: 'already-proposed' }
    >['changeRequest'];

    expect(messageOf(plan).includes('repository up-to-date')).toBe(isComplete);
    expect(messageOf(plan, { outcome: 'already-proposed', changeRequest }).includes('the newest images')).toBe(
      isComplete,
    );
  });
});

function messageOf(plan: Partial<ImageUpdatePlan>, result: ImageUpdateResult = { outcome: 'nothing-to-do' }): string {
  const run = { checkout: CHECKOUT, plan: { ...NOTHING, ...plan }, result };
  const status = recordImageUpdate(CONTEXT, AUTOMATION, run).find((record): record is StatusRecord => {
    return record.type === 'Status';
  });
  return status?.conditions[0]?.message ?? '';
}

/** As many places, of which the versions were refused in turn. */
function heldAt(places: number, versions: readonly string[]): ImageUpdatePlan['held'] {
  const text = 'tag: 1.0.0 # {"$imagepolicy": "ns:app:tag"}\n'
    .repeat(places)
    .replace(/^tag/gmu, () => `k${(keys += 1)}`);
  return findPolicyMarkers('apps/many.yaml', Buffer.from(text)).markers.map((marker, index) => {
    const image = { name: 'reg.io/app', tag: versions[index % versions.length] ?? '' };
    return { policy: 'ns/app', marker, image, refused: { image, because: 'closed', changeRequest: 1 } };
  });
}

let keys = 0;
