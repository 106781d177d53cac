import { insist, type Scene, waitForStatuses, waitUntilReady } from '../scene.ts';

/** 3: the pull request is merged, and the new version is Ready. */
export async function mergeImage(scene: Scene, pull: number) {
  const { stage, show } = scene;
  const mergedAt = Date.now();
  const commit = await stage.user.merge(pull);
  await waitUntilReady(scene, '6.7.1');
  const mergeToReadyMs = Date.now() - mergedAt;
  await waitForStatuses(scene, commit);
  const running = await stage.cluster.view.get('Deployment', 'podinfo', 'podinfo');
  insist(running !== undefined, 'Deployment podinfo/podinfo is gone');
  show([{ text: `merge ► Ready: ${(mergeToReadyMs / 1000).toFixed(1)} s`, tone: 'quiet' }]);
  return { commit, image: '6.7.1', mergeToReadyMs };
}
