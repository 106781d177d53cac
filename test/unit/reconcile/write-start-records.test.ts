import { expect, it } from 'vitest';

import { createJsonLogger } from '#shared/adapters/log/json-logger.ts';
import { openSqliteDatabase } from '#shared/adapters/sqlite/sqlite-database.ts';
import { createSqliteJournal } from '#shared/adapters/sqlite/sqlite-journal.ts';
import { toFluxObjects, type FluxObjects } from '#shared/flux/flux-objects.ts';
import type { ImageUpdateAutomation } from '#shared/flux/kinds/image-update-automation.ts';
import { readStoredFluxObjects } from '#shared/journal/read-flux-objects.ts';
import type { Journal } from '#shared/ports/journal.ts';
import { findUnwanted } from '#shared/pull-requests/unwanted-proposals.ts';
import type { DesiredState, StalledFluxObject } from '#shared/reconcile/desired-state.ts';
import { createJournalReporter } from '#shared/reconcile/journal-reporter.ts';
import { planStartRecords } from '#shared/reconcile/plan-start-records.ts';
import { readPreviousState } from '#shared/reconcile/read-previous-state.ts';
import { writeStartRecords } from '#shared/reconcile/write-start-records.ts';
import type { StatusRecord } from '#shared/records/journal-record.ts';
import { defaultRoot } from '#shared/render/resolve-root.ts';
import { makeTemporaryFolder } from '#test/make-temporary-folder.ts';

const CLUSTER = 'one';
const AUTOMATION: ImageUpdateAutomation = {
  namespace: 'team',
  name: 'apps',
  sourceRef: { kind: 'GitRepository', namespace: 'flux-system', name: 'flux-system' },
  intervalMs: 60_000,
  updatePath: './',
  commitAuthor: { email: 'bot@example.org' },
  suspend: false,
};
const FOLLOWED = toFluxObjects(CLUSTER, 'main@sha1:a', [{ kind: 'ImageUpdateAutomation', fluxObject: AUTOMATION }]);
const LEFT_OUT = toFluxObjects(CLUSTER, 'main@sha1:b', []);
const TYPO = stalled(AUTOMATION.name);
const NAMELESS = stalled('x'.repeat(2_000), 'other');

function stalled(name: string, namespace = 'team'): StalledFluxObject {
  const object = { cluster: CLUSTER, kind: 'ImageUpdateAutomation', namespace, name };
  return { object, reason: 'InvalidSpec', problems: [{ file: 'a.yaml', field: 'spec', message: 'is wrong' }] };
}

function desired(fluxObjects: FluxObjects, stalled: readonly StalledFluxObject[]): DesiredState {
  const { revision } = fluxObjects;
  const render = { kind: 'rendered', objects: [] } as const;
  return {
    cluster: CLUSTER,
    report: { repository: 'https://github.com/acme/fleet', commit: 'b' },
    revision,
    nodes: [{ kustomization: defaultRoot('./clusters/one'), revision, render, children: [], stalled: false }],
    fluxObjects,
    stalled,
    missingSources: [],
    doubts: [],
    leftOut: [],
    secrets: [],
  };
}

/** Says what a run does, and asks before each write, and after all of them, whether the pull request is wanted. */
async function announce(journal: Journal, state: DesiredState, isLost: (write: number) => boolean = () => false) {
  const verdicts = new Set<string | undefined>();
  let writes = 0;
  const watched: Journal = {
    read: (...key) => journal.read(...key),
    list: (...prefix) => journal.list(...prefix),
    write: async (...write) => {
      verdicts.add(await judge(journal));
      writes += 1;
      if (isLost(writes)) throw new Error('lost');
      return journal.write(...write);
    },
  };
  let ids = 0;
  const nextId = (): string => `${(ids += 1)}`;
  const startRecords = planStartRecords(state, await readPreviousState(CLUSTER, journal), 1, nextId);
  const log = createJsonLogger({ level: 'error', knownSecrets: [], now: () => 0, write: () => undefined });
  const reporter = createJournalReporter(CLUSTER, journal, log);
  await writeStartRecords(startRecords, { journal: watched, reporter, holdsLease: () => true });
  verdicts.add(await judge(journal));
  return { verdicts: [...verdicts], writes };
}

/** Why image-update would withdraw the automation's pull request now. */
async function judge(journal: Journal): Promise<string | undefined> {
  const { fluxObjects } = await readStoredFluxObjects(journal, CLUSTER);
  const records = await journal.list(CLUSTER, 'status/');
  const statuses = records.filter((record): record is StatusRecord => record.type === 'Status');
  const whyUnwanted = findUnwanted(fluxObjects === undefined ? [] : [{ fluxObjects, statuses }], {
    clusters: [CLUSTER],
    configRepository: { url: 'https://github.com/acme/fleet', branch: 'main' },
    githubApiUrl: 'https://api.github.com',
    installation: 'default',
    branchPrefix: 'tidegate/',
  });
  const memory = { cluster: CLUSTER, automation: 'team/apps', base: 'main', changes: [] };
  const head = { branch: 'tidegate/one/team/apps', oid: '' };
  const texts = { url: '', title: '', body: '', createdAt: '', updatedAt: '' };
  const request = { number: 1, state: 'open', head, base: 'main', commits: [], comments: [], ...texts } as const;
  return whyUnwanted({ memory, request }, { owner: 'acme', name: 'fleet' })?.reason;
}

async function open(): Promise<Journal> {
  const journal = createSqliteJournal(openSqliteDatabase(makeTemporaryFolder('announcement')), { now: () => 1 });
  await announce(journal, desired(FOLLOWED, []));
  return journal;
}

it('an automation that cannot be read is never taken for gone, whichever write is seen last or lost', async () => {
  const { verdicts, writes } = await announce(await open(), desired(LEFT_OUT, [TYPO]));
  expect(verdicts).toEqual([undefined]);

  for (let lost = 1; lost <= writes; lost += 1) {
    const journal = await open();
    const before = await announce(journal, desired(LEFT_OUT, [TYPO]), (write) => write === lost);
    // The next run makes up for it.
    const after = await announce(journal, desired(LEFT_OUT, [TYPO]));
    expect([...before.verdicts, ...after.verdicts], `write ${lost} is lost`).toEqual([undefined, undefined]);
    expect((await readStoredFluxObjects(journal, CLUSTER)).fluxObjects?.imageUpdateAutomations).toEqual([]);
  }
});

it('one that is removed from Git is gone, though another has a name that no record has room for', async () => {
  const { verdicts } = await announce(await open(), desired(LEFT_OUT, [NAMELESS]));

  expect(verdicts).toEqual([undefined, 'automation-is-gone']);
});
