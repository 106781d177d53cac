import { insist, type StepContext, waitForStatuses, waitUntilReady } from '../step-context.ts';

/** 3: the pull request is merged, and the new version is Ready. */
export async function mergeImage(context: StepContext, pull: number) {
  const { environment, show } = context;
  const mergedAt = Date.now();
  const commit = await environment.user.merge(pull);
  await waitUntilReady(context, '6.7.1');
  const mergeToReadyMs = Date.now() - mergedAt;
  await waitForStatuses(context, commit);
  const running = await environment.cluster.view.get('Deployment', 'podinfo', 'podinfo');
  insist(running !== undefined, 'Deployment podinfo/podinfo is gone');
  show([{ text: `merge ► Ready: ${(mergeToReadyMs / 1000).toFixed(1)} s`, tone: 'quiet' }]);
  return { commit, image: '6.7.1', mergeToReadyMs };
}
