import type { ImageUpdateAutomation } from '#shared/api/image-update-automation.ts';
import type { Instructions } from '#shared/api/instructions.ts';
import { formatNamespacedName } from '#shared/api/resource-key.ts';
import { describeError, dispositionOf, notBeforeOf } from '#shared/errors/tidegate-error.ts';
import { INSTRUCTIONS_KEY, type JournalRecord, type StatusRecord } from '#shared/journal/journal-record.ts';
import { readInstructions } from '#shared/journal/read-instructions.ts';
import { writeInBatches } from '#shared/journal/write-in-batches.ts';
import type { Clock } from '#shared/ports/clock.ts';
import type { ImageRegistry } from '#shared/ports/image-registry.ts';
import type { Journal } from '#shared/ports/journal.ts';
import type { QuietTime, QuietTimes } from '#shared/ports/quiet-times.ts';

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
import { forgetRepository, readFormerRepositories, rememberRepository } from './former-repositories.ts';
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
  recordQuiet,
  recordScan,
  recordWithdrawn,
  type RecordContext,
} from './record-image-update.ts';
import { proposalRepositories } from './proposal-repositories.ts';
import type { ReadCommits } from './read-proposals.ts';
import { resolveCheckout, type CheckoutSettings } from './resolve-checkout.ts';
import { choosePolicies, scanImages, type Choice } from './scan-images.ts';
import { findUnwanted, type WhyUnwanted } from './unwanted-proposals.ts';
import { withdrawUnwanted } from './withdraw-unwanted.ts';

/** How often an update is planned anew because somebody else acted meanwhile. */
const ATTEMPTS = 5;
/** How often a process looks for pull requests that no instruction wants, when nothing says that instructions changed. */
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
  /** Repositories that the journal is known to know. */
  readonly proposedIn: Set<string>;
  /** When unwanted pull requests are looked for next. */
  sweepAt: number;
}

export function createUpdateImagesMemory(): UpdateImagesMemory {
  return {
    readCommits: { changes: new Map(), histories: new Map(), trees: new Map() },
    proposedIn: new Set(),
    sweepAt: Number.NEGATIVE_INFINITY,
  };
}

export interface UpdateImagesSettings extends CheckoutSettings {
  /** Names of the clusters whose instructions are followed. */
  readonly clusters: readonly string[];
}

/**
 * The story of image-update: a hint leads to image repositories and automations; registries, Git and pull requests are read as
 * they are; each automation is planned and carried out by itself; what came of it is recorded.
 *
 * @throws the last failure that another try may mend, or what could not be recorded, after everything else was done.
 */
export async function updateImages(
  ports: UpdateImagesPorts,
  settings: UpdateImagesSettings,
  hint: ImageHint,
): Promise<void> {
  const clusters = await Promise.all(settings.clusters.map((cluster) => readCluster(ports.journal, cluster)));
  const known = clusters.filter((cluster) => cluster !== undefined);
  const whyUnwanted = findUnwanted(known, settings);
  const failures: unknown[] = [];
  const unrecorded: unknown[] = [];
  for (const run of automationsToRun(hint, known, settings, ports.clock.now())) {
    const cluster = known.find(({ instructions }) => instructions.cluster === run.cluster);
    if (cluster === undefined) continue;
    const { records, failures: failed } = await runCluster(ports, settings, cluster, run, whyUnwanted);
    failures.push(...failed);
    try {
      await writeInBatches(ports.journal, records);
    } catch (error) {
      // What is done is done; the other clusters, and what nobody wants any more, have their turn all the same.
      unrecorded.push(error);
    }
  }
  if (isSweepDue(ports, hint)) failures.push(...(await sweep(ports, settings, known, whyUnwanted)));
  const retry = [...failures, ...unrecorded].findLast((failure) => dispositionOf(failure) === 'retry');
  const thrown = retry ?? unrecorded.at(-1);
  if (thrown !== undefined) throw thrown as Error;
}

function isSweepDue({ clock, memory }: UpdateImagesPorts, hint: ImageHint): boolean {
  if (hint.type === 'InstructionsChanged') return true;
  return hint.type === 'Tick' && clock.now() >= memory.sweepAt;
}

/** Withdraws what nobody wants any more. */
async function sweep(
  ports: UpdateImagesPorts,
  settings: UpdateImagesSettings,
  clusters: readonly ClusterImages[],
  whyUnwanted: WhyUnwanted,
): Promise<readonly unknown[]> {
  const failures: unknown[] = [];
  let nextAt = ports.clock.now() + SWEEP_INTERVAL_MS;
  const named = proposalRepositories(clusters, settings);
  const wishes = {
    whyUnwanted,
    adopters: () => adoptersOf(clusters, settings),
    installation: settings.installation,
    hasFollowed: async (cluster: string): Promise<boolean> =>
      (await ports.journal.read(cluster, INSTRUCTIONS_KEY)) !== undefined,
  };
  for (const where of [...named, ...(await readFormerRepositories(ports.journal, named))]) {
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

async function readCluster(journal: Journal, cluster: string): Promise<ClusterImages | undefined> {
  const instructions = await readInstructions(journal, cluster);
  if (instructions === undefined) return undefined;
  const records = await journal.list(cluster, 'status/Image');
  return {
    instructions,
    statuses: records.filter((status): status is StatusRecord => status.type === 'Status'),
  };
}

async function runCluster(
  ports: UpdateImagesPorts,
  settings: UpdateImagesSettings,
  { instructions, statuses }: ClusterImages,
  run: ImageRun,
  whyUnwanted: WhyUnwanted,
): Promise<{ readonly records: readonly JournalRecord[]; readonly failures: readonly unknown[] }> {
  const context: RecordContext = { cluster: run.cluster, now: ports.clock.now(), previous: statuses };
  const scans = await scanImages(ports.imageRegistry, repositoriesToScan(instructions, run));
  const choices = choosePolicies(instructions, scans);
  const asked = new Set(run.automations.map(formatNamespacedName));
  const records: JournalRecord[] = [];
  const failures: unknown[] = [];
  const news = choices.filter((choice) => isNewChoice(context, choice));
  for (const automation of instructions.imageUpdateAutomations) {
    const moved = news.some((choice) => usesPolicy(automation, choice.policy));
    if (automation.suspend || !(asked.has(formatNamespacedName(automation)) || moved)) continue;
    try {
      const quiet = await findQuiet(ports.quietTimes, settings, instructions, automation);
      records.push(
        ...(quiet === undefined
          ? await runAutomation(ports, settings, context, { instructions, automation, choices, whyUnwanted })
          : recordQuiet(context, automation, quiet)),
      );
    } catch (error) {
      failures.push(error);
      records.push(...recordFailure(context, automation, error));
    }
  }
  // Choices are recorded after the automations ran: a run that was killed finds the choice new once more.
  records.push(...scans.flatMap((scan) => recordScan(context, scan)));
  records.push(...choices.flatMap((choice) => recordChoice(context, choice)));
  return { records, failures: [...failures, ...scans.flatMap((scan) => ('error' in scan ? [scan.error] : []))] };
}

/** The quiet time that keeps an automation waiting; what is wrong with its checkout its own run says. */
async function findQuiet(
  quietTimes: QuietTimes,
  settings: UpdateImagesSettings,
  instructions: Instructions,
  automation: ImageUpdateAutomation,
): Promise<QuietTime | undefined> {
  const checkout = tryResolveCheckout(instructions, automation, settings);
  return checkout === undefined ? undefined : quietTimes.find(checkout.repository.owner);
}

interface AutomationRun {
  readonly instructions: Instructions;
  readonly automation: ImageUpdateAutomation;
  readonly choices: readonly Choice[];
  readonly whyUnwanted: WhyUnwanted;
}

async function runAutomation(
  ports: UpdateImagesPorts,
  settings: UpdateImagesSettings,
  context: RecordContext,
  run: AutomationRun,
): Promise<readonly JournalRecord[]> {
  const { instructions, automation, choices, whyUnwanted } = run;
  const { cluster } = instructions;
  const checkout = resolveCheckout(cluster, automation, instructions.gitRepositories, settings);
  const isWanted: ObserveRequest['isWanted'] = (proposal) => whyUnwanted(proposal, checkout.repository) === undefined;
  const adopter = adopterOf({ instructions, statuses: context.previous }, automation, settings);
  for (let attempt = 1; ; attempt += 1) {
    const known = candidatesOf(context, run, choices);
    const request = { cluster, automation, checkout, isWanted, adopter, ...known };
    const observed = await observeAutomation({ ...ports, ...ports.memory }, request);
    let plan = planImageUpdate(observed);
    if (touchesWhatIsThere(observed, plan)) {
      // Whoever wrote this may have read the registry after us. What it knew we know too when we read now, and if it
      // writes once more, the branch is no longer where it was observed.
      const used = repositoriesToScan(instructions, { cluster, imageRepositories: [], automations: [automation] });
      const now = choosePolicies(instructions, await scanImages(ports.imageRegistry, used));
      plan = planImageUpdate({ ...observed, ...candidatesOf(context, run, now) });
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
  { instructions, automation }: AutomationRun,
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
  for (const policy of instructions.imagePolicies.filter((one) => usesPolicy(automation, one))) {
    const why = policy.suspend ? 'the policy is suspended' : 'its image repository is suspended or not there';
    undecided.set(formatNamespacedName(policy), { why, fails: !policy.suspend });
  }
  for (const choice of own) {
    const name = formatNamespacedName(choice.policy);
    if ('error' in choice) {
      const { error, allows } = choice;
      undecided.set(name, { why: describeError(error), fails: true, ...(allows === undefined ? {} : { allows }) });
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
function repositoriesToScan(instructions: Instructions, run: ImageRun): Instructions['imageRepositories'] {
  const asked = new Set(run.automations.map(formatNamespacedName));
  const wanted = new Set(run.imageRepositories.map(formatNamespacedName));
  // A policy that has moved on needs the automation's other policies, too, or their changes would leave the pull request.
  for (const automation of instructions.imageUpdateAutomations) {
    const used = instructions.imagePolicies.filter((policy) => usesPolicy(automation, policy));
    const names = used.map(({ imageRepositoryRef }) => formatNamespacedName(imageRepositoryRef));
    if (asked.has(formatNamespacedName(automation)) || names.some((name) => wanted.has(name))) {
      for (const name of names) wanted.add(name);
    }
  }
  return instructions.imageRepositories.filter(
    (repository) => !repository.suspend && wanted.has(formatNamespacedName(repository)),
  );
}
