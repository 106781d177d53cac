import { describe, expect, it } from 'vitest';

import type { FluxObjects } from '#shared/flux/flux-objects.ts';
import type { DesiredState } from '#shared/reconcile/desired-state.ts';
import { planStartRecords } from '#shared/reconcile/plan-start-records.ts';
import type { PreviousState } from '#shared/reconcile/read-previous-state.ts';
import type { FluxObjectSetRecord } from '#shared/records/journal-record.ts';
import { layOutFluxObjects } from '#shared/records/lay-out-flux-objects.ts';
import { defaultRoot } from '#shared/render/resolve-root.ts';

const CLUSTER = 'laptop';

function fluxObjectsOf(...names: readonly string[]): FluxObjects {
  return {
    cluster: CLUSTER,
    revision: 'main@sha1:a',
    gitRepositories: [],
    imageRepositories: names.map((name) => ({
      namespace: 'flux-system',
      name,
      image: name,
      intervalMs: 1,
      exclusionList: [],
      suspend: false,
    })),
    imagePolicies: [],
    imageUpdateAutomations: [],
  };
}

function desired(fluxObjects: FluxObjects | undefined, isWhole: boolean): DesiredState {
  const rendered = { kind: 'rendered', objects: [] } as const;
  const failed = { kind: 'failed', reason: 'BuildFailed', message: 'm' } as const;
  const node = { kustomization: defaultRoot('./'), revision: 'r', children: [], stalled: false };
  return {
    cluster: CLUSTER,
    report: { repository: 'r', commit: 'c' },
    revision: 'main@sha1:a',
    nodes: [
      { ...node, render: rendered },
      { ...node, render: isWhole ? rendered : failed },
    ],
    ...(fluxObjects === undefined ? {} : { fluxObjects }),
    stalled: [],
    missingSources: [],
    doubts: [],
    leftOut: [],
    secrets: [],
  };
}

function headOf(fluxObjects: FluxObjects): FluxObjectSetRecord {
  const pages = layOutFluxObjects(fluxObjects).pages.map(({ digest }) => digest);
  return { type: 'InstructionSet', cluster: CLUSTER, revision: 'main@sha1:0', sequence: 7, pages };
}

function announce(state: DesiredState, previous: Omit<PreviousState, 'statuses'>) {
  let ids = 0;
  const nextId = () => String((ids += 1));
  const { fluxObjects } = planStartRecords(state, { statuses: new Map(), ...previous }, 5, nextId);
  if (fluxObjects === undefined) return undefined;
  const { wanted, news } = fluxObjects;
  const names = wanted.fluxObjects.map(({ followed }) => followed.fluxObject.name).sort();
  return { names, told: news.length };
}

describe('the Flux objects that a run announces', () => {
  const known = fluxObjectsOf('a', 'b');
  const stored = { fluxObjects: known, fluxObjectsHead: headOf(known) };
  const [lost = ''] = layOutFluxObjects(fluxObjectsOf('b')).fluxObjects.map(({ digest }) => digest);
  const damaged = {
    fluxObjects: undefined,
    fluxObjectsHead: headOf(known),
    fluxObjectsDamage: { readable: fluxObjectsOf('a'), fluxObjects: [lost], pages: [] },
  };

  it.each([
    ['nothing was recorded', fluxObjectsOf('a'), true, { fluxObjects: undefined }, { names: ['a'], told: 1 }],
    ['they are the same, in another order', fluxObjectsOf('b', 'a'), true, stored, undefined],
    ['one is new', fluxObjectsOf('a', 'b', 'c'), true, stored, { names: ['a', 'b', 'c'], told: 1 }],
    ['one is gone', fluxObjectsOf('a'), true, stored, { names: ['a'], told: 1 }],
    ['one was not seen and may be in what is broken', fluxObjectsOf('a'), false, stored, undefined],
    ['the root is broken', undefined, false, stored, undefined],
    [
      'they are the same as in the record of an older version, which is replaced without a word',
      known,
      true,
      { fluxObjects: known, fluxObjectsHead: { type: 'Instructions', fluxObjects: known } as const },
      { names: ['a', 'b'], told: 0 },
    ],
    ['what is recorded cannot be read whole', known, true, damaged, { names: ['a', 'b'], told: 1 }],
    [
      'what is recorded cannot be read whole, neither can Git, and Git tells what is lost',
      fluxObjectsOf('b'),
      false,
      damaged,
      { names: ['a', 'b'], told: 1 },
    ],
    [
      'what is recorded cannot be read whole, neither can Git, and Git tells of something new',
      fluxObjectsOf('c'),
      false,
      damaged,
      { names: ['a', 'c'], told: 1 },
    ],
  ])('when %s', (_when, fluxObjects, isWhole, previous, expected) => {
    expect(announce(desired(fluxObjects, isWhole), previous)).toEqual(expected);
  });
});
