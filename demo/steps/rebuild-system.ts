import { APP_NAMESPACES, type StepContext, waitUntilReady } from '../step-context.ts';
import { notYet, sighted } from '../wait-for.ts';

/** 7: every namespace the app lives in is deleted, and the system comes back from Git. */
export async function rebuildSystem(context: StepContext) {
  const { environment, wait, show } = context;
  const { cluster } = environment;
  const { view } = cluster;
  const before = await view.listUids(APP_NAMESPACES);
  const orderedAt = Date.now();
  await cluster.kubectl(['delete', 'namespace', ...APP_NAMESPACES, '--wait=false']);
  for (const name of APP_NAMESPACES) {
    await wait({
      what: `namespace ${name} to be gone`,
      look: async () => {
        const live = await view.get('Namespace', '', name);
        const isOld = live?.metadata.uid === before.get(`Namespace/${name}/${name}`);
        return live === undefined || !isOld ? sighted(undefined) : notYet(`namespace ${name} is being deleted`);
      },
    });
  }
  const goneAt = Date.now();
  await waitUntilReady(context, '6.7.0');
  const readyAt = Date.now();
  const [sinceGone, sinceOrder] = [readyAt - goneAt, readyAt - orderedAt];
  show([
    {
      text: `rebuilt in ${seconds(sinceGone)} once the last namespace was gone, ${seconds(sinceOrder)} after the order to delete; the team of the story took 45 minutes`,
      tone: 'quiet',
    },
  ]);
  return { deletedNamespaces: APP_NAMESPACES, goneToReadyMs: sinceGone, orderToReadyMs: sinceOrder };
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
