import { type StepContext, waitForStatuses, waitUntilReady } from '../step-context.ts';

/** 1: what the configuration repository describes is applied. */
export async function applyRepository(context: StepContext) {
  const { environment } = context;
  await environment.installation.start();
  await waitUntilReady(context, '6.7.0');
  const commit = await environment.user.readHead();
  await waitForStatuses(context, commit);
  return { commit, image: '6.7.0' };
}
