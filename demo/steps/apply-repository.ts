import { type Scene, waitForStatuses, waitUntilReady } from '../scene.ts';

/** 1: what the configuration repository describes is applied. */
export async function applyRepository(scene: Scene) {
  const { stage } = scene;
  await stage.installation.start();
  await waitUntilReady(scene, '6.7.0');
  const commit = await stage.user.readHead();
  await waitForStatuses(scene, commit);
  return { commit, image: '6.7.0' };
}
