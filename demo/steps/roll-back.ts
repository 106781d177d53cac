import type { DemoEnvironment } from '../start-environment.ts';
import { insist, listOwnPulls, type StepContext, waitForStatuses, waitUntilReady } from '../step-context.ts';
import { notYet, sighted } from '../wait-for.ts';

const TICKS = 3;

/** 6: the revert of the image's pull request is merged; the old version runs, and the new one is not proposed again. */
export async function rollBack(context: StepContext, merged: { readonly pull: number; readonly commit: string }) {
  const { environment, wait, show } = context;
  const pull = await proposeRevert(environment, merged);
  const mergedAt = Date.now();
  const commit = await environment.user.merge(pull);
  await waitUntilReady(context, '6.7.0');
  const mergeToReadyMs = Date.now() - mergedAt;
  await waitForStatuses(context, commit);

  // A push of something else makes the automation look at the registry again, where 6.7.1 still is the newest.
  const quietSince = Date.now();
  await environment.registry?.push('6.6.9');
  const quietUntil = quietSince + TICKS * environment.tickSeconds * 1000;
  await wait({
    what: `the automation to look again, and ${TICKS} ticks to pass without a pull request`,
    look: async () => {
      const pulls = await listOwnPulls(environment);
      insist(pulls.length === 1, `the automation proposed again: ${pulls.map(({ title }) => title).join(', ')}`);
      const lookedAt = await automationLookedAt(environment);
      if (lookedAt < quietSince) return notYet('the automation did not look since the revert');
      return Date.now() >= quietUntil ? sighted(undefined) : notYet('ticks pass');
    },
  });
  const pulls = await listOwnPulls(environment);
  insist(pulls.length === 1, `${pulls.length} pull requests by Tidegate instead of one`);
  await waitUntilReady(context, '6.7.0');
  show([{ text: `merge ► Ready: ${(mergeToReadyMs / 1000).toFixed(1)} s; 6.7.1 is held`, tone: 'quiet' }]);
  return { pull, commit, image: '6.7.0', mergeToReadyMs, pullsByTidegate: pulls.length };
}

/** As GitHub's button "Revert" does it. */
async function proposeRevert(
  environment: DemoEnvironment,
  merged: { readonly pull: number; readonly commit: string },
): Promise<number> {
  const original = (await environment.user.listPulls()).find(({ number }) => number === merged.pull);
  const changed = await environment.user.readFiles(merged.pull);
  const files = Object.fromEntries(
    await Promise.all(
      changed.map(async ({ path }) => [path, await environment.user.readBefore(merged.commit, path)] as const),
    ),
  );
  return environment.user.propose({
    branch: `revert-${merged.pull}-${original?.branch ?? ''}`,
    title: `Revert "${original?.title ?? ''}"`,
    files,
  });
}

async function automationLookedAt(environment: DemoEnvironment): Promise<number> {
  const statuses = await environment.journal.statuses();
  const automation = statuses.find(
    ({ object }) => object.kind === 'ImageUpdateAutomation' && object.name === 'podinfo',
  );
  return automation?.observedAt ?? 0;
}
