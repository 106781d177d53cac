import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { listFluxObjects } from '#shared/flux/flux-objects.ts';
import { replaceConditions } from '#shared/records/conditions.ts';
import type { Condition, FluxObjectsRecord, JournalRecord, SourceHead } from '#shared/records/journal-record.ts';
import { recordFluxObject } from '#shared/records/lay-out-flux-objects.ts';
import { formatJournalRecord, parseJournalRecord } from '#shared/records/parse-journal-record.ts';
import { fromStreamRecord, toStreamRecord } from '#shared/records/stream-record.ts';
import { defaultRoot } from '#shared/render/resolve-root.ts';
import { requestRecord, statusRecord } from '#test/contract/journal.contract.ts';
import { sampleSize } from '#test/sample-size.ts';

const FLUX_OBJECTS: FluxObjectsRecord = {
  type: 'Instructions',
  fluxObjects: {
    cluster: 'laptop',
    revision: 'main@sha1:a',
    gitRepositories: [
      { namespace: 'n', name: 'a', url: 'u', intervalMs: 1, timeoutMs: 1, ref: { branch: 'b' }, suspend: false },
    ],
    imageRepositories: [{ namespace: 'n', name: 'a', image: 'i', intervalMs: 1, exclusionList: ['x'], suspend: false }],
    imagePolicies: [
      {
        namespace: 'n',
        name: 'a',
        imageRepositoryRef: { namespace: 'n', name: 'a' },
        policy: { kind: 'semver', range: '>=1' },
        filterTags: { pattern: 'p', extract: '$1' },
        digestReflectionPolicy: 'Never',
        suspend: false,
      },
    ],
    imageUpdateAutomations: [
      {
        namespace: 'n',
        name: 'a',
        sourceRef: { kind: 'GitRepository', namespace: 'n', name: 'a' },
        intervalMs: 1,
        updatePath: './',
        pushBranch: 'main',
        commitAuthor: { email: 'e' },
        policySelector: { matchLabels: { a: 'b' } },
        suspend: true,
      },
    ],
  },
};
const object = { cluster: 'laptop', kind: 'Kustomization', namespace: 'n', name: 'a' };
const HEAD: SourceHead = {
  type: 'SourceHead',
  source: { cluster: 'laptop', kind: 'GitRepository', namespace: 'n', name: 'a' },
  revision: 'main@sha1:a',
  digest: 'sha256:a',
  url: 'u',
  observedAt: 1,
};
const RECORDS: readonly JournalRecord[] = [
  FLUX_OBJECTS,
  { type: 'InstructionSet', cluster: 'laptop', revision: 'main@sha1:a', sequence: 1, pages: ['d'] },
  { type: 'InstructionPage', cluster: 'laptop', digest: 'd', fluxObjects: ['e'] },
  ...listFluxObjects(FLUX_OBJECTS.fluxObjects).map((followed) => recordFluxObject('laptop', followed)),
  statusRecord('a', 1),
  { ...statusRecord('w', 1), withheld: { count: 2, line: 'l', todo: 't' } },
  { type: 'Event', id: '2', object, severity: 'warning', reason: 'R', message: 'm', at: 1 },
  { ...statusRecord('b', 1), report: { repository: 'r', commit: 'c' }, lastAppliedRevision: 'x', dueAt: 7 },
  requestRecord('r', 1),
  { type: 'Event', id: '1', object, severity: 'error', reason: 'R', message: 'm', revision: 'v', at: 1 },
  HEAD,
  { type: 'Declaration', cluster: 'laptop', kustomization: defaultRoot('./clusters/laptop') },
  {
    type: 'Declaration',
    cluster: 'laptop',
    by: { namespace: 'flux-system', name: 'flux-system' },
    kustomization: {
      ...defaultRoot('./apps'),
      name: 'apps',
      annotations: { a: 'b' },
      targetNamespace: 'apps',
      dependsOn: [{ namespace: 'n', name: 'a' }],
      healthChecks: [{ apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'n', name: 'a' }],
      patches: [{ patch: '- op: remove', target: { kind: 'Deployment' } }],
      images: [{ name: 'app', newTag: '1' }],
      components: ['../c'],
      commonMetadata: { labels: { a: 'b' } },
      namePrefix: 'p-',
      nameSuffix: '-s',
      postBuild: { substitute: { a: 'b' }, substituteFrom: [{ kind: 'Secret', name: 's', optional: true }] },
    },
  },
  { type: 'LastRender', cluster: 'laptop', namespace: 'n', name: 'a', heads: [HEAD] },
  {
    type: 'ImageScan',
    cluster: 'laptop',
    namespace: 'n',
    name: 'a',
    image: 'i',
    tagCount: 1,
    latestTags: ['1'],
    scannedAt: 1,
  },
  {
    type: 'Installation',
    cluster: 'laptop',
    installation: {
      name: 'default',
      identity: 'i',
      place: { repository: 'https://github.com/acme/fleet-infra', branch: 'main', path: './clusters/laptop' },
      adopted: ['o'],
      since: '2026-01-01T00:00:00Z',
    },
    store: 's',
    server: 'https://a',
    clusterUid: 'u',
    at: 1,
  },
  { type: 'Tombstone', partition: 'laptop', key: 'k', at: 1 },
];

describe('parseJournalRecord', () => {
  it.each(RECORDS)('reads back a record of type $type as it was written', (record) => {
    expect(parseJournalRecord(formatJournalRecord(record))).toEqual(record);
  });

  it('passes over what a newer version has written, and what is damaged', () => {
    expect(parseJournalRecord('{"type":"Promotion","stage":"production"}')).toBeUndefined();
    expect(parseJournalRecord('{"type":"Status"}')).toBeUndefined();
    expect(parseJournalRecord('{"type":"Sta')).toBeUndefined();
  });

  it('answers any text with a record or nothing, and never throws', () => {
    const text = fc.oneof(fc.json(), fc.string());
    const reads = fc.property(text, (body) => typeof parseJournalRecord(body) !== 'string');

    expect(() => fc.assert(reads, { seed: 42, numRuns: sampleSize(300, 10_000) })).not.toThrow();
  });
});

describe('the journal’s stream', () => {
  it.each(RECORDS)('carries a record of type $type as DynamoDB would', (after) => {
    const carried = toStreamRecord({ sequenceNumber: '7', at: 1000, after });

    expect(carried?.dynamodb.NewImage).toMatchObject({ type: { S: after.type } });
    expect(fromStreamRecord(carried ?? {})).toEqual({ sequenceNumber: '7', after });
  });

  it('names what was there before, and what was forgotten', () => {
    const [before, after] = [statusRecord('a', 1), statusRecord('a', 2)];
    const changed = toStreamRecord({ sequenceNumber: '7', at: 0, before, after });
    const forgotten = toStreamRecord({ sequenceNumber: '8', at: 0, before });

    expect([changed?.eventName, forgotten?.eventName]).toEqual(['MODIFY', 'REMOVE']);
    expect(fromStreamRecord(changed ?? {})).toEqual({ sequenceNumber: '7', before, after });
    expect(fromStreamRecord(forgotten ?? {})).toEqual({ sequenceNumber: '8', before });
  });

  it('says in seconds when a request may be forgotten', () => {
    const carried = toStreamRecord({ sequenceNumber: '7', at: 0, after: requestRecord('r', 1_000) });

    expect(carried?.dynamodb.NewImage?.['expiresAt']).toEqual({ N: '86401' });
  });
});

describe('conditions', () => {
  const ready = (status: Condition['status'], message = 'm') =>
    ({ type: 'Ready', status, reason: 'R', message }) as const;
  const reconciling = { type: 'Reconciling', status: 'True', reason: 'Progressing', message: 'm' } as const;

  it('keep the time of the last transition while the status stays, whatever the message says', () => {
    const first = replaceConditions([], [ready('True')], 1);

    expect(replaceConditions(first, [ready('True', 'other')], 2)).toMatchObject([
      { message: 'other', lastTransitionTime: 1 },
    ]);
    expect(replaceConditions(first, [ready('False')], 2)).toMatchObject([{ status: 'False', lastTransitionTime: 2 }]);
  });

  it('drop what no longer holds and always come in the same order', () => {
    const both = replaceConditions([], [reconciling, ready('Unknown')], 1);

    expect(both.map(({ type }) => type)).toEqual(['Ready', 'Reconciling']);
    expect(replaceConditions(both, [ready('True')], 2).map(({ type }) => type)).toEqual(['Ready']);
  });
});
