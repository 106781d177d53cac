import { formatNamespacedName, ROOT_NAME } from '#shared/api/resource-key.ts';
import { claimInstallation } from '#shared/apply/claim-installation.ts';
import type { InstallationDecision } from '#shared/apply/decide-installation.ts';
import { describePlace, type Installation } from '#shared/apply/installation.ts';
import { findCondition, replaceConditions } from '#shared/journal/conditions.ts';
import type { EventRecord, InstallationRecord, JournalRecord, StatusRecord } from '#shared/journal/journal-record.ts';
import { INSTALLATION_KEY } from '#shared/journal/journal-record.ts';
import { writeInBatches } from '#shared/journal/write-in-batches.ts';
import type { NextId } from './announce-reconcile.ts';
import type { ClusterFolder, DesiredState } from './desired-state.ts';
import type { PreviousState } from './read-previous-state.ts';
import type { ReconcilePorts } from './reconcile-ports.ts';
import type { Teller } from './tell-journal.ts';

/** Who works on the cluster, as the settings say. */
export interface InstallationSettings {
  readonly name: string;
  readonly repository: string;
  readonly branch: string;
  /** Names the place where the journal is kept: what a copy of it says is the memory of another installation. */
  readonly store: string;
}

/** When one that was refused looks again whether it may. */
const RETRY_MS = 60_000;
const REASON = 'InstallationRefused';

/**
 * Makes sure that the cluster is this installation's to work on, before anything is said or done, and leaves in the journal
 * what came of it.
 * @returns undefined when another one has it.
 */
export async function holdInstallation(
  request: ClusterFolder & { readonly installation: InstallationSettings },
  desired: DesiredState,
  previous: PreviousState,
  ports: Pick<ReconcilePorts, 'api' | 'journal' | 'clock'> & { readonly teller: Pick<Teller, 'tell'> },
  nextId: NextId,
): Promise<Installation | undefined> {
  const { cluster, path, installation: settings } = request;
  const { name, repository, branch, store } = settings;
  const before = await ports.journal.read(cluster, INSTALLATION_KEY);
  const record = before?.type === 'Installation' && before.store === store ? before : undefined;
  const decision = await claimInstallation(ports.api, {
    cluster,
    name,
    place: { repository, branch, path },
    ...(record === undefined ? {} : { remembered: record.installation }),
    knows: (kustomization) =>
      previous.statuses.get(`Kustomization/${formatNamespacedName(kustomization)}`)?.lastAttemptedRevision !==
      undefined,
  });
  const now = ports.clock.now();
  if (decision.outcome === 'refused') {
    const refusal = recordRefusal(decision.message, desired, previous, now, nextId);
    await ports.teller.tell('that the cluster is not ours', () => writeInBatches(ports.journal, refusal));
    return undefined;
  }
  const news = recordHeld(decision, desired, record, store, now, nextId);
  // The lease in the cluster says the same: without the record the next run compares places, and writes it again.
  if (news.length > 0) await ports.teller.tell('whose the cluster is', () => ports.journal.write(news));
  return decision.installation;
}

function recordHeld(
  { installation, how }: InstallationDecision & { outcome: 'held' },
  { cluster, revision }: DesiredState,
  before: InstallationRecord | undefined,
  store: string,
  now: number,
  nextId: NextId,
): readonly JournalRecord[] {
  if (how === 'known' && JSON.stringify(before?.installation) === JSON.stringify(installation)) return [];
  const record: InstallationRecord = { type: 'Installation', cluster, installation, store, at: now };
  const message = describeNews(installation, how, before?.installation);
  if (message === undefined) return [record];
  const event: EventRecord = {
    type: 'Event',
    id: nextId(),
    object: { cluster, kind: 'Kustomization', ...ROOT_NAME },
    severity: 'info',
    reason: how === 'adopted' ? 'InstallationAdopted' : 'InstallationMoved',
    message,
    revision,
    at: now,
  };
  return [record, event];
}

function describeNews(
  { name, identity, place }: Installation,
  how: (InstallationDecision & { outcome: 'held' })['how'],
  before: Installation | undefined,
): string | undefined {
  switch (how) {
    case 'adopted':
      return `installation ${name} (${identity}), of ${describePlace(place)}, took over what another one had applied, as was said on its lease`;
    case 'moved':
      return `installation ${name} (${identity}) is of ${describePlace(place)} now${before === undefined ? '' : `, and was of ${describePlace(before.place)}`}`;
    case 'known':
    case 'new':
    case 'restored':
      return undefined;
  }
}

/** The root says why; the others only that they are not worked on. */
function recordRefusal(
  message: string,
  desired: DesiredState,
  previous: PreviousState,
  now: number,
  nextId: NextId,
): readonly JournalRecord[] {
  const { cluster, report } = desired;
  const { namespace, name } = desired.nodes[0]?.kustomization ?? ROOT_NAME;
  const rootName = formatNamespacedName({ namespace, name });
  const rootKey = `Kustomization/${rootName}`;
  const root: StatusRecord = previous.statuses.get(rootKey) ?? {
    type: 'Status',
    object: { cluster, kind: 'Kustomization', namespace, name },
    conditions: [],
    suspended: false,
    observedAt: now,
    details: {},
  };
  const others = [...previous.statuses]
    .filter(([key, { object }]) => object.kind === 'Kustomization' && key !== rootKey)
    .map(([, status]) => refuse(status, `see Kustomization ${rootName}`, report, now));
  const isTold = findCondition(root.conditions, 'Stalled')?.message === message;
  const event: EventRecord = {
    type: 'Event',
    id: nextId(),
    object: root.object,
    severity: 'error',
    reason: REASON,
    message,
    revision: desired.revision,
    at: now,
  };
  return [refuse(root, message, report, now), ...(isTold ? [] : [...others, event])];
}

function refuse(status: StatusRecord, message: string, report: DesiredState['report'], now: number): StatusRecord {
  return {
    ...status,
    conditions: replaceConditions(
      status.conditions,
      [
        { type: 'Ready', status: 'False', reason: REASON, message },
        { type: 'Stalled', status: 'True', reason: REASON, message },
      ],
      now,
    ),
    report,
    observedAt: now,
    dueAt: now + RETRY_MS,
  };
}
