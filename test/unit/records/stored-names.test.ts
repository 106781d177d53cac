import { describe, expect, it } from 'vitest';

import type { FluxObjects } from '#shared/flux/flux-objects.ts';
import { layOutFluxObjects } from '#shared/records/lay-out-flux-objects.ts';
import { formatJournalRecord, parseJournalRecord } from '#shared/records/parse-journal-record.ts';

const FLUX_OBJECTS: FluxObjects = {
  cluster: 'laptop',
  revision: 'main@sha1:a',
  gitRepositories: [],
  imagePolicies: [],
  imageUpdateAutomations: [],
  imageRepositories: [
    {
      namespace: 'flux-system',
      name: 'podinfo',
      image: 'example.com/podinfo',
      intervalMs: 60_000,
      exclusionList: [],
      suspend: false,
    },
  ],
};

/** Written by d3458d3, before the fields had another name in the code. */
const WRITTEN = {
  fluxObject:
    '{"type":"Instruction","cluster":"laptop","digest":"LI_LWCUd6k0Bk6xA_5NZ_kfcpfsyUfUz","followed":{"kind":"ImageRepository","instruction":{"namespace":"flux-system","name":"podinfo","image":"example.com/podinfo","intervalMs":60000,"exclusionList":[],"suspend":false}}}',
  page: '{"type":"InstructionPage","cluster":"laptop","digest":"ExtxDN5M12NN7bay2mKYFePDeokeP_c4","instructions":["LI_LWCUd6k0Bk6xA_5NZ_kfcpfsyUfUz"]}',
  all: '{"type":"Instructions","instructions":{"cluster":"laptop","revision":"main@sha1:a","gitRepositories":[],"imagePolicies":[],"imageUpdateAutomations":[],"imageRepositories":[{"namespace":"flux-system","name":"podinfo","image":"example.com/podinfo","intervalMs":60000,"exclusionList":[],"suspend":false}]}}',
};

describe('journals of the version before', () => {
  const { fluxObjects, pages } = layOutFluxObjects(FLUX_OBJECTS);

  it.each([
    ['a Flux object', WRITTEN.fluxObject, fluxObjects[0]],
    ['a page of digests', WRITTEN.page, pages[0]],
    ['all of them in one record', WRITTEN.all, { type: 'Instructions' as const, fluxObjects: FLUX_OBJECTS }],
  ])('are read as they are, and written so that the version before reads them: %s', (_, stored, record) => {
    expect(record).toBeDefined();
    expect(parseJournalRecord(stored)).toEqual(record);
    expect(record === undefined ? '' : formatJournalRecord(record)).toBe(stored);
  });

  it('are told from what is damaged', () => {
    expect(
      parseJournalRecord('{"type":"Instruction","cluster":"laptop","digest":"d","followed":null}'),
    ).toBeUndefined();
    expect(parseJournalRecord('{"type":"InstructionPage","cluster":"laptop","digest":"d"}')).toBeUndefined();
  });
});
