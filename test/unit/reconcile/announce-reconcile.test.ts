import { describe, expect, it } from 'vitest';
import type { Instructions } from '#shared/flux/flux-objects.ts';
import type { InstructionSetRecord } from '#shared/records/journal-record.ts';
import { layOutInstructions } from '#shared/records/lay-out-flux-objects.ts';
import { announceReconcile } from '#shared/reconcile/announce-reconcile.ts';
import type { DesiredState } from '#shared/reconcile/desired-state.ts';
import type { PreviousState } from '#shared/reconcile/read-previous-state.ts';
import { defaultRoot } from '#shared/render/resolve-root.ts';

const CLUSTER = 'laptop';

function instructionsOf(...names: readonly string[]): Instructions {
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

function desired(instructions: Instructions | undefined, isWhole: boolean): DesiredState {
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
    ...(instructions === undefined ? {} : { instructions }),
    stalled: [],
    missingSources: [],
    doubts: [],
    leftOut: [],
    secrets: [],
  };
}

function headOf(instructions: Instructions): InstructionSetRecord {
  const pages = layOutInstructions(instructions).pages.map(({ digest }) => digest);
  return { type: 'InstructionSet', cluster: CLUSTER, revision: 'main@sha1:0', sequence: 7, pages };
}

function announce(state: DesiredState, previous: Omit<PreviousState, 'statuses'>) {
  let ids = 0;
  const nextId = () => String((ids += 1));
  const { instructions } = announceReconcile(state, { statuses: new Map(), ...previous }, 5, nextId);
  if (instructions === undefined) return undefined;
  const { wanted, news } = instructions;
  const names = wanted.instructions.map(({ followed }) => followed.instruction.name).sort();
  return { names, told: news.length };
}

describe('the instructions that a run announces', () => {
  const known = instructionsOf('a', 'b');
  const stored = { instructions: known, instructionsHead: headOf(known) };
  const [lost = ''] = layOutInstructions(instructionsOf('b')).instructions.map(({ digest }) => digest);
  const damaged = {
    instructions: undefined,
    instructionsHead: headOf(known),
    instructionsDamage: { readable: instructionsOf('a'), instructions: [lost], pages: [] },
  };

  it.each([
    ['nothing was recorded', instructionsOf('a'), true, { instructions: undefined }, { names: ['a'], told: 1 }],
    ['they are the same, in another order', instructionsOf('b', 'a'), true, stored, undefined],
    ['one is new', instructionsOf('a', 'b', 'c'), true, stored, { names: ['a', 'b', 'c'], told: 1 }],
    ['one is gone', instructionsOf('a'), true, stored, { names: ['a'], told: 1 }],
    ['one was not seen and may be in what is broken', instructionsOf('a'), false, stored, undefined],
    ['the root is broken', undefined, false, stored, undefined],
    [
      'they are the same as in the record of an older version, which is replaced without a word',
      known,
      true,
      { instructions: known, instructionsHead: { type: 'Instructions', instructions: known } as const },
      { names: ['a', 'b'], told: 0 },
    ],
    ['what is recorded cannot be read whole', known, true, damaged, { names: ['a', 'b'], told: 1 }],
    [
      'what is recorded cannot be read whole, neither can Git, and Git tells what is lost',
      instructionsOf('b'),
      false,
      damaged,
      { names: ['a', 'b'], told: 1 },
    ],
    [
      'what is recorded cannot be read whole, neither can Git, and Git tells of something new',
      instructionsOf('c'),
      false,
      damaged,
      { names: ['a', 'c'], told: 1 },
    ],
  ])('when %s', (_when, instructions, isWhole, previous, expected) => {
    expect(announce(desired(instructions, isWhole), previous)).toEqual(expected);
  });
});
