import { defined } from '#shared/common/defined.ts';
import {
  describeError,
  dispositionOf,
  notBeforeOf,
  silentHostOf,
  TidegateError,
} from '#shared/common/tidegate-error.ts';
import type { FluxObjects } from '#shared/flux/flux-objects.ts';
import type { ImagePolicy } from '#shared/flux/kinds/image-policy.ts';
import type { ImageUpdateAutomation } from '#shared/flux/kinds/image-update-automation.ts';
import { formatNamespacedName, type FluxKind, type NamespacedName } from '#shared/flux/resource-key.ts';
import { readFluxObjects } from '#shared/journal/read-flux-objects.ts';
import { writeInBatches } from '#shared/journal/write-in-batches.ts';
import type { Clock } from '#shared/ports/clock.ts';
import type { ImageRegistry } from '#shared/ports/image-registry.ts';
import type { Journal } from '#shared/ports/journal.ts';
import type { QuietTime, QuietTimes } from '#shared/ports/quiet-times.ts';
import {
  forgetRepository,
  readFormerRepositories,
  rememberRepository,
} from '#shared/pull-requests/former-repositories.ts';
import { proposalRepositories } from '#shared/pull-requests/proposal-repositories.ts';
import type { ProposalRepository, ReadCommits } from '#shared/pull-requests/read-proposals.ts';
import { resumeSweep } from '#shared/pull-requests/resume-sweep.ts';
import { findUnwanted, type WhyUnwanted } from '#shared/pull-requests/unwanted-proposals.ts';
import { withdrawUnwanted } from '#shared/pull-requests/withdraw-unwanted.ts';
import {
  FLUX_OBJECTS_KEY,
  proposalRepositoryKey,
  type JournalRecord,
  type StatusRecord,
} from '#shared/records/journal-record.ts';
import { limitGitRemote } from '#shared/sources/limit-git-remote.ts';

import { adopterOf, adoptersOf } from './adopt-proposal.ts';
import {
  automationsToRun,
  tryResolveCheckout,
  usesPolicy,
  type ClusterImages,
  type ImageHint,
  type ImageRun,
} from './automations-to-run.ts';
import { executeImageUpdate, type ImageUpdateResult } from './execute-image-update.ts';
import { findStatus } from './find-status.ts';
import { createKeptScans, type KeptScans } from './kept-scans.ts';
import {
  observeAutomation,
  type ObservedAutomation,
  type ObservePorts,
  type ObserveRequest,
  type Undecided,
} from './observe-automation.ts';
import { planImageUpdate, type ImageUpdatePlan } from './plan-image-update.ts';
import {
  isNewChoice,
  recordChoice,
  recordFailure,
  recordImageUpdate,
  recordNotReached,
  recordQuiet,
  recordScan,
  recordWithdrawn,
  type RecordContext,
} from './record-image-update.ts';
import { resolveCheckout, type CheckoutSettings } from './resolve-checkout.ts';
import { choosePolicies, scanImages, type Choice, type Scan } from './scan-images.ts';

/** How often an update is planned anew because somebody else acted meanwhile. */
const ATTEMPTS = 5;
/** How often a process looks for pull requests that no Flux object wants, when nothing says that Flux objects changed. */
const SWEEP_INTERVAL_MS = 10 * 60_000;

/** Everything that updating images needs from the world. */
export interface UpdateImagesPorts extends Omit<ObservePorts, 'readCommits'> {
  readonly imageRegistry: ImageRegistry;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly quietTimes: QuietTimes;
  readonly memory: UpdateImagesMemory;
}

/** What a process need not find out twice; all of it can be lost. */
export interface UpdateImagesMemory {
  readonly readCommits: ReadCommits;
  /** What earlier runs read of the registry for automations that still wait for the rest. */
  readonly keptScans: KeptScans;
  /** Repositories that the journal is known to know. */
  readonly proposedIn: Set<string>;
  /** When unwanted pull requests are looked for next. */
  sweepAt: number;
  /** The repository that the last look did not get to; absent, it got to all. */
  sweepFrom: string | undefined;
}

export function createUpdateImagesMemory(): UpdateImagesMemory {
  return {
    readCommits: { changes: new Map(), histories: new Map(), trees: new Map() },
    keptScans: createKeptScans(),
    proposedIn: new Set(),
    sweepAt: Number.NEGATIVE_INFINITY,
    sweepFrom: undefined,
  };
}

export interface UpdateImagesSettings extends CheckoutSettings {
  /** Names of the clusters whose Flux objects are followed. */
  readonly clusters: readonly string[];
}

/**
 * The story of image-update: a hint leads to image repositories and automations; registries, Git and pull requests are read as
 * they are; each automation is planned and carried out by itself; what came of it is recorded.
 *
 * What has waited for longest comes first. What there was no time for is recorded as due and left to the ticks: a message
 * handed back counts as a try, and thousands of pull requests take more runs than a message has tries.
 *
 * @param time when the run has to be done.
 * @throws the last failure that another try may mend, or what could not be recorded, after everything else was done.
 */
export async function updateImages(
  unlimited: UpdateImagesPorts,
  settings: UpdateImagesSettings,
  hint: ImageHint,
  { until }: { readonly until: number },
): Promise<void> {
  const ports: TimedPorts = {
    ...unlimited,
    gitRemote: limitGitRemote(unlimited.gitRemote, unlimited.clock, until),
    until,
    silentHosts: new Set(),
  };
  const clusters = await Promise.all(settings.clusters.map((cluster) => readCluster(ports.journal, cluster)));
  const known = clusters.filter((cluster) => cluster !== undefined);
  const whyUnwanted = findUnwanted(known, settings);
  const failures: unknown[] = [];
  const unrecorded: unknown[] = [];
  for (const { run, cluster } of orderRuns(automationsToRun(hint, known, settings, ports.clock.now()), known)) {
    // A pushed image is not in the scan that an earlier run kept.
    if (hint.type === 'ImagePushed') ports.memory.keptScans.forget(run.cluster, run.imageRepositories);
    const ran = await runCluster(ports, settings, cluster, run, whyUnwanted);
    failures.push(...ran.failures);
    try {
      await writeInBatches(ports.journal, ran.records);
    } catch (error) {
      // What is done is done; the other clusters, and what nobody wants any more, have their turn all the same.
      unrecorded.push(error);
    }
  }
  if (isSweepDue(ports, hint)) {
    failures.push(...(await sweep(ports, settings, known, whyUnwanted, hint.type !== 'Tick')));
  }
  const retry = [...failures, ...unrecorded].findLast((failure) => dispositionOf(failure) === 'retry');
  const thrown = retry ?? unrecorded.at(-1);
  if (thrown !== undefined) throw thrown as Error;
}

/** The ports of one run. */
interface TimedPorts extends UpdateImagesPorts {
  readonly until: number;
  /** Hosts of repositories that gave no answer in this run: they are not asked again. */
  readonly silentHosts: Set<string>;
}

/** What is left is too little to begin with another automation. Milliseconds. */
const LEAST_MS = 10_000;

function isOutOfTime({ clock, until }: Pick<TimedPorts, 'clock' | 'until'>): boolean {
  return until - clock.now() < LEAST_MS;
}

interface RunOfCluster {
  readonly run: ImageRun;
  readonly cluster: ClusterImages;
}

/** The cluster of which something was looked at longest ago comes first. */
function orderRuns(runs: readonly ImageRun[], clusters: readonly ClusterImages[]): readonly RunOfCluster[] {
  const byName = new Map(clusters.map((cluster) => [cluster.fluxObjects.cluster, cluster]));
  const ordered = runs.flatMap((run) => {
    const cluster = byName.get(run.cluster);
    if (cluster === undefined) return [];
    const { statuses } = cluster;
    const oldest = Math.min(
      ...run.imageRepositories.map((item) => lastLook(statuses, 'ImageRepository', item)),
      ...run.automations.map((item) => lastLook(statuses, 'ImageUpdateAutomation', item)),
    );
    return [{ run, cluster, oldest }];
  });
  return ordered.toSorted((one, other) => one.oldest - other.oldest);
}

/** When something was last looked at; what never was, at the beginning of all times. */
function lastLook(statuses: readonly StatusRecord[], kind: FluxKind, item: NamespacedName): number {
  return findStatus(statuses, { kind, ...item })?.observedAt ?? 0;
}

function isSweepDue({ clock, memory }: UpdateImagesPorts, hint: ImageHint): boolean {
  if (hint.type === 'InstructionsChanged') return true;
  return hint.type === 'Tick' && clock.now() >= memory.sweepAt;
}

/** Withdraws what nobody wants any more; a tick goes on from where the last look came to its end. */
async function sweep(
  ports: TimedPorts,
  settings: UpdateImagesSettings,
  clusters: readonly ClusterImages[],
  whyUnwanted: WhyUnwanted,
  isWhole: boolean,
): Promise<readonly unknown[]> {
  const failures: unknown[] = [];
  let nextAt = ports.clock.now() + SWEEP_INTERVAL_MS;
  const named = proposalRepositories(clusters, settings);
  const wishes = {
    whyUnwanted,
    adopters: () => adoptersOf(clusters, settings),
    installation: settings.installation,
    hasFollowed: async (cluster: string): Promise<boolean> =>
      (await ports.journal.read(cluster, FLUX_OBJECTS_KEY)) !== undefined,
  };
  const all = [...named, ...(await readFormerRepositories(ports.journal, named))];
  const { sweepFrom } = ports.memory;
  ports.memory.sweepFrom = undefined;
  for (const where of resumeSweep(all, keyOf, { from: sweepFrom, isWhole })) {
    if (isOutOfTime(ports)) {
      nextAt = ports.clock.now();
      ports.memory.sweepFrom = keyOf(where);
      break;
    }
    try {
      const quiet = await ports.quietTimes.find(where.repository.owner);
      if (quiet === undefined) {
        const { withdrawn, open } = await withdrawUnwanted({ ...ports, ...ports.memory }, where, wishes);
        const isDone = open === 0 && !named.includes(where);
        await writeInBatches(ports.journal, [
          ...recordWithdrawn(withdrawn, ports.clock.now()),
          ...(isDone ? [forgetRepository(ports.memory.proposedIn, where, ports.clock.now())] : []),
        ]);
      } else {
        nextAt = Math.min(nextAt, quiet.until);
      }
    } catch (error) {
      failures.push(error);
      nextAt = Math.min(nextAt, notBeforeOf(error) ?? nextAt);
    }
  }
  ports.memory.sweepAt = nextAt;
  return failures;
}

function keyOf({ repository }: ProposalRepository): string {
  return proposalRepositoryKey(repository);
}

async function readCluster(journal: Journal, cluster: string): Promise<ClusterImages | undefined> {
  const fluxObjects = await readFluxObjects(journal, cluster);
  if (fluxObjects === undefined) return undefined;
  const records = await journal.list(cluster, 'status/Image');
  return {
    fluxObjects,
    statuses: records.filter((status): status is StatusRecord => status.type === 'Status'),
  };
}

async function runCluster(
  ports: TimedPorts,
  settings: UpdateImagesSettings,
  { fluxObjects, statuses }: ClusterImages,
  run: ImageRun,
  whyUnwanted: WhyUnwanted,
): Promise<{
  readonly records: readonly JournalRecord[];
  readonly failures: readonly unknown[];
}> {
  const context: RecordContext = { cluster: run.cluster, now: ports.clock.now(), previous: statuses };
  const wanted = repositoriesToScan(fluxObjects, run).toSorted(
    (one, other) => lastLook(statuses, 'ImageRepository', one) - lastLook(statuses, 'ImageRepository', other),
  );
  const { keptScans } = ports.memory;
  const earlier = keptScans.find(run.cluster, wanted, lastUses(fluxObjects, statuses));
  const known = new Set(earlier.map(({ repository }) => formatNamespacedName(repository)));
  const toScan = wanted.filter((one) => !known.has(formatNamespacedName(one)));
  const fresh = await scanImages(ports.imageRegistry, toScan, ports);
  const scans = [...earlier, ...fresh];
  const scanned = new Set(fresh.map(({ repository }) => repository));
  const unscanned = toScan.filter((one) => !scanned.has(one));
  const unread = new Set(unscanned.map(formatNamespacedName));
  const choices = choosePolicies(fluxObjects, scans);
  const asked = new Set(run.automations.map(formatNamespacedName));
  const records: JournalRecord[] = [];
  const failures: unknown[] = [];
  const news = choices.filter((choice) => isNewChoice(context, choice));
  const notReached: ImageUpdateAutomation[] = [];
  const automations = fluxObjects.imageUpdateAutomations.toSorted(
    (one, other) =>
      lastLook(statuses, 'ImageUpdateAutomation', one) - lastLook(statuses, 'ImageUpdateAutomation', other),
  );
  for (const automation of automations) {
    const moved = news.some((choice) => usesPolicy(automation, choice.policy));
    if (automation.suspend || !(asked.has(formatNamespacedName(automation)) || moved)) continue;
    const isUnread = fluxObjects.imagePolicies.some(
      (policy) => usesPolicy(automation, policy) && unread.has(formatNamespacedName(policy.imageRepositoryRef)),
    );
    if (isUnread || isOutOfTime(ports)) {
      notReached.push(automation);
      continue;
    }
    const host = hostOfCheckout(fluxObjects, automation, settings);
    try {
      if (host !== undefined && ports.silentHosts.has(host)) throw silentHost(host);
      const quiet = await findQuiet(ports.quietTimes, settings, fluxObjects, automation);
      records.push(
        ...(quiet === undefined
          ? await runAutomation(ports, settings, context, { fluxObjects, automation, choices, whyUnwanted })
          : recordQuiet(context, automation, quiet)),
      );
    } catch (error) {
      failures.push(error);
      if (host !== undefined && silentHostOf(error) !== undefined) ports.silentHosts.add(host);
      records.push(...recordFailure(context, automation, error));
    }
  }
  records.push(...unscanned.flatMap((one) => recordNotReached(context, 'ImageRepository', one)));
  records.push(...notReached.flatMap((one) => recordNotReached(context, 'ImageUpdateAutomation', one)));
  // What was not reached finds the choice new once more.
  const isKept = (policy: ImagePolicy): boolean => notReached.some((automation) => usesPolicy(automation, policy));
  const kept = fluxObjects.imagePolicies.filter(isKept);
  const keptRepositories = new Set(kept.map(({ imageRepositoryRef }) => formatNamespacedName(imageRepositoryRef)));
  const isRecorded = ({ repository }: Scan): boolean => !keptRepositories.has(formatNamespacedName(repository));
  keptScans.forget(
    run.cluster,
    scans.filter(isRecorded).map(({ repository }) => repository),
  );
  keptScans.keep(
    run.cluster,
    fresh.filter((scan) => !isRecorded(scan)),
    context.now,
  );
  // Choices are recorded after the automations ran: a run that was killed finds the choice new once more.
  records.push(...scans.filter(isRecorded).flatMap((scan) => recordScan(context, scan)));
  records.push(...choices.filter(({ policy }) => !isKept(policy)).flatMap((choice) => recordChoice(context, choice)));
  return {
    records,
    failures: [...failures, ...fresh.flatMap((scan) => ('error' in scan ? [scan.error] : []))],
  };
}

/**
 * When an automation that uses an image repository ran last; what never was used, at the beginning of all times. Only a
 * scan that is kept asks, so that runs without one do not pair policies with automations for it.
 */
function lastUses(fluxObjects: FluxObjects, statuses: readonly StatusRecord[]): (repository: NamespacedName) => number {
  let uses: ReadonlyMap<string, number> | undefined;
  return (repository) => {
    uses ??= indexLastUses(fluxObjects, statuses);
    return uses.get(formatNamespacedName(repository)) ?? 0;
  };
}

function indexLastUses(fluxObjects: FluxObjects, statuses: readonly StatusRecord[]): ReadonlyMap<string, number> {
  const uses = new Map<string, number>();
  for (const automation of fluxObjects.imageUpdateAutomations) {
    const ranAt = lastLook(statuses, 'ImageUpdateAutomation', automation);
    for (const policy of fluxObjects.imagePolicies) {
      if (!usesPolicy(automation, policy)) continue;
      const name = formatNamespacedName(policy.imageRepositoryRef);
      uses.set(name, Math.max(ranAt, uses.get(name) ?? 0));
    }
  }
  return uses;
}

function hostOfCheckout(
  fluxObjects: FluxObjects,
  automation: ImageUpdateAutomation,
  settings: UpdateImagesSettings,
): string | undefined {
  const checkout = tryResolveCheckout(fluxObjects, automation, settings);
  return checkout === undefined ? undefined : new URL(checkout.url).host;
}

function silentHost(host: string): TidegateError {
  const message = `host ${host} does not answer, and is asked for one automation at a time until it does`;
  return new TidegateError('GitOperationFailed', message, { disposition: 'retry', silentHost: host });
}

/** The quiet time that keeps an automation waiting; what is wrong with its checkout its own run says. */
async function findQuiet(
  quietTimes: QuietTimes,
  settings: UpdateImagesSettings,
  fluxObjects: FluxObjects,
  automation: ImageUpdateAutomation,
): Promise<QuietTime | undefined> {
  const checkout = tryResolveCheckout(fluxObjects, automation, settings);
  return checkout === undefined ? undefined : quietTimes.find(checkout.repository.owner);
}

interface AutomationRun {
  readonly fluxObjects: FluxObjects;
  readonly automation: ImageUpdateAutomation;
  readonly choices: readonly Choice[];
  readonly whyUnwanted: WhyUnwanted;
}

async function runAutomation(
  ports: TimedPorts,
  settings: UpdateImagesSettings,
  context: RecordContext,
  run: AutomationRun,
): Promise<readonly JournalRecord[]> {
  const { fluxObjects, automation, choices, whyUnwanted } = run;
  const { cluster } = fluxObjects;
  const checkout = resolveCheckout(cluster, automation, fluxObjects.gitRepositories, settings);
  const isWanted: ObserveRequest['isWanted'] = (proposal) => whyUnwanted(proposal, checkout.repository) === undefined;
  const adopter = adopterOf({ fluxObjects, statuses: context.previous }, automation, settings);
  for (let attempt = 1; ; attempt += 1) {
    const known = candidatesOf(context, run, choices);
    const request = { cluster, automation, checkout, isWanted, adopter, ...known };
    const observed = await observeAutomation({ ...ports, ...ports.memory }, request);
    let plan = planImageUpdate(observed);
    if (touchesWhatIsThere(observed, plan)) {
      // Whoever wrote this may have read the registry after us. What it knew we know too when we read now, and if it
      // writes once more, the branch is no longer where it was observed.
      const used = repositoriesToScan(fluxObjects, { cluster, imageRepositories: [], automations: [automation] });
      const now = ports.clock.now();
      const until = now + (ports.until - now) / 2;
      const read = await scanImages(ports.imageRegistry, used, { ...ports, until });
      const renewed = renewChoices(choices, choosePolicies(fluxObjects, read));
      plan = planImageUpdate({ ...observed, ...candidatesOf(context, run, renewed) });
    }
    const result = await executeImageUpdate(ports.changeHost, checkout, plan.update);
    if (isToBeContinued(result) && attempt < ATTEMPTS) continue;
    const isProposed = checkout.mode === 'pull-request' && 'changeRequest' in result;
    return [
      ...recordImageUpdate(context, automation, { checkout, plan, result }),
      ...(isProposed ? rememberRepository(ports.memory.proposedIn, { ...checkout, cluster }) : []),
    ];
  }
}

/** The choices with those in place that were made again; there may be no time to make all of them again. */
function renewChoices(choices: readonly Choice[], renewed: readonly Choice[]): readonly Choice[] {
  const byPolicy = new Map(renewed.map((choice) => [formatNamespacedName(choice.policy), choice]));
  return choices.map((choice) => byPolicy.get(formatNamespacedName(choice.policy)) ?? choice);
}

/** Whether what is there now asks for another plan. */
function isToBeContinued(result: ImageUpdateResult): boolean {
  return (
    result.outcome === 'overtaken' ||
    result.outcome === 'branch-updated' ||
    (result.outcome === 'withdrawn' && result.reason === 'base-changed')
  );
}

/** What the policies of an automation choose from, and which of them choose nothing at the moment, with the reason. */
function candidatesOf(
  { previous }: RecordContext,
  { fluxObjects, automation }: AutomationRun,
  choices: readonly Choice[],
): Pick<ObservedAutomation, 'candidates' | 'undecidedPolicies'> {
  const own = choices.filter(({ policy }) => usesPolicy(automation, policy));
  const candidates = own.flatMap((choice) => ('candidates' in choice ? [choice.candidates] : []));
  const undecided = new Map<string, Undecided>();
  for (const { object, conditions } of previous) {
    const stalled =
      object.kind === 'ImagePolicy' &&
      object.namespace === automation.namespace &&
      conditions.find(({ type, status }) => type === 'Stalled' && status === 'True');
    if (stalled) undecided.set(formatNamespacedName(object), { why: stalled.message, fails: false });
  }
  for (const policy of fluxObjects.imagePolicies.filter((one) => usesPolicy(automation, one))) {
    const why = policy.suspend ? 'the policy is suspended' : 'its image repository is suspended or not there';
    undecided.set(formatNamespacedName(policy), { why, fails: !policy.suspend });
  }
  for (const choice of own) {
    const name = formatNamespacedName(choice.policy);
    if ('error' in choice) {
      const { error, allows } = choice;
      undecided.set(name, { why: describeError(error), fails: true, ...defined({ allows }) });
    } else {
      undecided.delete(name);
    }
  }
  return { candidates, undecidedPolicies: undecided };
}

/** Whether a plan takes back or replaces what a run before, or one beside this one, has written. */
function touchesWhatIsThere({ branch }: ObservedAutomation, { update }: ImageUpdatePlan): boolean {
  if (update.action === 'withdraw') return true;
  return 'commit' in update && update.commit !== undefined && branch?.head !== undefined;
}

/** What is due, and what the automations to run need: their choice is made from the registry as it is now. */
function repositoriesToScan(fluxObjects: FluxObjects, run: ImageRun): FluxObjects['imageRepositories'] {
  const asked = new Set(run.automations.map(formatNamespacedName));
  const wanted = new Set(run.imageRepositories.map(formatNamespacedName));
  // A policy that has moved on needs the automation's other policies, too, or their changes would leave the pull request.
  for (const automation of fluxObjects.imageUpdateAutomations) {
    const used = fluxObjects.imagePolicies.filter((policy) => usesPolicy(automation, policy));
    const names = used.map(({ imageRepositoryRef }) => formatNamespacedName(imageRepositoryRef));
    if (asked.has(formatNamespacedName(automation)) || names.some((name) => wanted.has(name))) {
      for (const name of names) wanted.add(name);
    }
  }
  return fluxObjects.imageRepositories.filter(
    (repository) => !repository.suspend && wanted.has(formatNamespacedName(repository)),
  );
}
