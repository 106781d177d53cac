import { insist, listOwnPulls, type Scene, waitForStatuses, waitUntilReady } from '../scene.ts';
import type { StoryStage } from '../story-stage.ts';
import { notYet, sighted } from '../wait-for.ts';

const TICKS = 3;

/** 6: the revert of the image's pull request is merged; the old version runs, and the new one is not proposed again. */
export async function rollBack(scene: Scene, merged: { readonly pull: number; readonly commit: string }) {
  const { stage, wait, show } = scene;
  const pull = await proposeRevert(stage, merged);
  const mergedAt = Date.now();
  const commit = await stage.user.merge(pull);
  await waitUntilReady(scene, '6.7.0');
  const mergeToReadyMs = Date.now() - mergedAt;
  await waitForStatuses(scene, commit);

  // A push of something else makes the automation look at the registry again, where 6.7.1 still is the newest.
  const quietSince = Date.now();
  await stage.registry?.push('6.6.9');
  const quietUntil = quietSince + TICKS * stage.tickSeconds * 1000;
  await wait({
    what: `the automation to look again, and ${TICKS} ticks to pass without a pull request`,
    look: async () => {
      const pulls = await listOwnPulls(stage);
      insist(pulls.length === 1, `the automation proposed again: ${pulls.map(({ title }) => title).join(', ')}`);
      const lookedAt = await automationLookedAt(stage);
      if (lookedAt < quietSince) return notYet('the automation did not look since the revert');
      return Date.now() >= quietUntil ? sighted(undefined) : notYet('ticks pass');
    },
  });
  const pulls = await listOwnPulls(stage);
  insist(pulls.length === 1, `${pulls.length} pull requests by Tidegate instead of one`);
  await waitUntilReady(scene, '6.7.0');
  show([{ text: `merge ► Ready: ${(mergeToReadyMs / 1000).toFixed(1)} s; 6.7.1 is held`, tone: 'quiet' }]);
  return { pull, commit, image: '6.7.0', mergeToReadyMs, pullsByTidegate: pulls.length };
}

/** As GitHub's button "Revert" does it. */
async function proposeRevert(
  stage: StoryStage,
  merged: { readonly pull: number; readonly commit: string },
): Promise<number> {
  const original = (await stage.user.listPulls()).find(({ number }) => number === merged.pull);
  const changed = await stage.user.readFiles(merged.pull);
  const files = Object.fromEntries(
    await Promise.all(
      changed.map(async ({ path }) => [path, await stage.user.readBefore(merged.commit, path)] as const),
    ),
  );
  return stage.user.propose({
    branch: `revert-${merged.pull}-${original?.branch ?? ''}`,
    title: `Revert "${original?.title ?? ''}"`,
    files,
  });
}

async function automationLookedAt(stage: StoryStage): Promise<number> {
  const statuses = await stage.journal.statuses();
  const automation = statuses.find(
    ({ object }) => object.kind === 'ImageUpdateAutomation' && object.name === 'podinfo',
  );
  return automation?.observedAt ?? 0;
}
