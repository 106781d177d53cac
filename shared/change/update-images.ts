import type { ImageUpdateAutomation } from '#shared/api/image-update-automation.ts';
import type { Instructions } from '#shared/api/instructions.ts';
import { formatNamespacedName } from '#shared/api/resource-key.ts';
import { dispositionOf } from '#shared/errors/tidegate-error.ts';
import { INSTRUCTIONS_KEY, type JournalRecord, type StatusRecord } from '#shared/journal/journal-record.ts';
import { writeInBatches } from '#shared/journal/write-in-batches.ts';
import type { Clock } from '#shared/ports/clock.ts';
import type { ImageRegistry } from '#shared/ports/image-registry.ts';
import type { Journal } from '#shared/ports/journal.ts';

import {
  automationsToRun,
  usesPolicy,
  type ClusterImages,
  type ImageHint,
  type ImageRun,
} from './automations-to-run.ts';
import { executeImageUpdate } from './execute-image-update.ts';
import { observeAutomation, type ObservedAutomation, type ObservePorts } from './observe-automation.ts';
import { planImageUpdate, type ImageUpdatePlan } from './plan-image-update.ts';
import {
  isNewChoice,
  recordChoice,
  recordFailure,
  recordImageUpdate,
  recordScan,
  type RecordContext,
} from './record-image-update.ts';
import { resolveCheckout, type CheckoutSettings } from './resolve-checkout.ts';
import { choosePolicies, scanImages, type Choice } from './scan-images.ts';

/** How often an update is planned anew because somebody else moved its branch meanwhile. */
const ATTEMPTS = 3;

/** Everything that updating images needs from the world. */
export interface UpdateImagesPorts extends ObservePorts {
  readonly imageRegistry: ImageRegistry;
  readonly journal: Journal;
  readonly clock: Clock;
}

export interface UpdateImagesSettings extends CheckoutSettings {
  /** Names of the clusters whose instructions are followed. */
  readonly clusters: readonly string[];
}

/**
 * The story of image-update: a hint leads to image repositories and automations; registries, Git and pull requests are read as
 * they are; each automation is planned and carried out by itself; what came of it is recorded.
 *
 * @throws the last failure that another try may mend, after everything else was done and recorded.
 */
export async function updateImages(
  ports: UpdateImagesPorts,
  settings: UpdateImagesSettings,
  hint: ImageHint,
): Promise<void> {
  const clusters = await Promise.all(settings.clusters.map((cluster) => readCluster(ports.journal, cluster)));
  const known = clusters.filter((cluster) => cluster !== undefined);
  const failures: unknown[] = [];
  for (const run of automationsToRun(hint, known, settings, ports.clock.now())) {
    const cluster = known.find(({ instructions }) => instructions.cluster === run.cluster);
    if (cluster !== undefined) failures.push(...(await runCluster(ports, settings, cluster, run)));
  }
  const retry = failures.findLast((failure) => dispositionOf(failure) === 'retry');
  if (retry !== undefined) throw retry as Error;
}

async function readCluster(journal: Journal, cluster: string): Promise<ClusterImages | undefined> {
  const record = await journal.read(cluster, INSTRUCTIONS_KEY);
  if (record?.type !== 'Instructions') return undefined;
  const records = await journal.list(cluster, 'status/Image');
  return {
    instructions: record.instructions,
    statuses: records.filter((status): status is StatusRecord => status.type === 'Status'),
  };
}

async function runCluster(
  ports: UpdateImagesPorts,
  settings: CheckoutSettings,
  { instructions, statuses }: ClusterImages,
  run: ImageRun,
): Promise<readonly unknown[]> {
  const context: RecordContext = { cluster: run.cluster, now: ports.clock.now(), previous: statuses };
  const scans = await scanImages(ports.imageRegistry, repositoriesToScan(instructions, run));
  const choices = choosePolicies(instructions, scans);
  const asked = new Set(run.automations.map(formatNamespacedName));
  const records: JournalRecord[] = [];
  const failures: unknown[] = [];
  for (const automation of instructions.imageUpdateAutomations) {
    const moved = choices.some((choice) => isNewChoice(context, choice) && usesPolicy(automation, choice.policy));
    if (automation.suspend || !(asked.has(formatNamespacedName(automation)) || moved)) continue;
    try {
      records.push(...(await runAutomation(ports, settings, context, instructions, automation, choices)));
    } catch (error) {
      failures.push(error);
      records.push(...recordFailure(context, automation, error));
    }
  }
  // Choices are recorded after the automations ran: a run that was killed finds the choice new once more.
  records.push(...scans.flatMap((scan) => recordScan(context, scan)));
  records.push(...choices.flatMap((choice) => recordChoice(context, choice)));
  await writeInBatches(ports.journal, records);
  return [...failures, ...scans.flatMap((scan) => ('error' in scan ? [scan.error] : []))];
}

async function runAutomation(
  ports: UpdateImagesPorts,
  settings: CheckoutSettings,
  context: RecordContext,
  instructions: Instructions,
  automation: ImageUpdateAutomation,
  choices: readonly Choice[],
): Promise<readonly JournalRecord[]> {
  const { cluster } = instructions;
  const checkout = resolveCheckout(cluster, automation, instructions.gitRepositories, settings);
  for (let attempt = 1; ; attempt += 1) {
    const known = candidatesOf(instructions, automation, choices);
    const observed = await observeAutomation(ports, { cluster, automation, checkout, ...known });
    let plan = planImageUpdate(observed);
    if (touchesWhatIsThere(observed, plan)) {
      // Whoever wrote this may have read the registry after us. What it knew we know too when we read now, and if it
      // writes once more, the branch is no longer where it was observed.
      const used = repositoriesToScan(instructions, { cluster, imageRepositories: [], automations: [automation] });
      const now = choosePolicies(instructions, await scanImages(ports.imageRegistry, used));
      plan = planImageUpdate({ ...observed, ...candidatesOf(instructions, automation, now) });
    }
    const result = await executeImageUpdate(ports.changeHost, checkout, plan.update);
    if (result.outcome === 'overtaken' && attempt < ATTEMPTS) continue;
    return recordImageUpdate(context, automation, { checkout, plan, result });
  }
}

/** What the policies of an automation choose from, and which of them choose nothing at the moment. */
function candidatesOf(
  instructions: Instructions,
  automation: ImageUpdateAutomation,
  choices: readonly Choice[],
): Pick<ObservedAutomation, 'candidates' | 'undecidedPolicies'> {
  const candidates = choices.flatMap((choice) =>
    'candidates' in choice && usesPolicy(automation, choice.policy) ? [choice.candidates] : [],
  );
  const decided = new Set(candidates.map(({ policy }) => formatNamespacedName(policy)));
  const undecidedPolicies = instructions.imagePolicies
    .filter((policy) => usesPolicy(automation, policy))
    .map(formatNamespacedName)
    .filter((policy) => !decided.has(policy));
  return { candidates, undecidedPolicies };
}

/** Whether a plan takes back or replaces what a run before, or one beside this one, has written. */
function touchesWhatIsThere({ branchHead }: ObservedAutomation, { update }: ImageUpdatePlan): boolean {
  if (update.action === 'withdraw') return true;
  return 'commit' in update && update.commit !== undefined && branchHead !== undefined;
}

/** What is due, and what the automations to run need: their choice is made from the registry as it is now. */
function repositoriesToScan(instructions: Instructions, run: ImageRun): Instructions['imageRepositories'] {
  const asked = new Set(run.automations.map(formatNamespacedName));
  const automations = instructions.imageUpdateAutomations.filter((item) => asked.has(formatNamespacedName(item)));
  const wanted = new Set(run.imageRepositories.map(formatNamespacedName));
  // A policy that has moved on needs the automation's other policies, too, or their changes would leave the pull request.
  for (const automation of instructions.imageUpdateAutomations) {
    const used = instructions.imagePolicies.filter((policy) => usesPolicy(automation, policy));
    const names = used.map(({ imageRepositoryRef }) => formatNamespacedName(imageRepositoryRef));
    if (automations.includes(automation) || names.some((name) => wanted.has(name))) {
      for (const name of names) wanted.add(name);
    }
  }
  return instructions.imageRepositories.filter(
    (repository) => !repository.suspend && wanted.has(formatNamespacedName(repository)),
  );
}
