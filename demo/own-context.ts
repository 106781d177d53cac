import { createInterface } from 'node:readline/promises';

import type { EnvironmentCluster } from './environment-cluster.ts';
import { APP_NAMESPACES } from './step-context.ts';

/** The namespaces that the demo makes in a cluster, and takes away again. */
export const DEMO_NAMESPACES: readonly string[] = [...APP_NAMESPACES, 'tidegate-system'];

/** What the demo would do to a person's own cluster. */
export function describeIntent(context: string, keep: boolean): string {
  const end = keep ? 'and leaves them there (--keep)' : 'and deletes them at the end';
  return `the demo creates the namespaces ${DEMO_NAMESPACES.join(', ')} in the cluster of context "${context}", deletes and rebuilds ${APP_NAMESPACES.join(' and ')}, ${end}`;
}

/** @throws Error when something in the cluster would be taken for the demo's own. */
export async function refuseOccupied(cluster: EnvironmentCluster): Promise<void> {
  const taken: string[] = [];
  for (const name of DEMO_NAMESPACES) {
    if ((await cluster.view.get('Namespace', '', name)) !== undefined) taken.push(name);
  }
  if (taken.length === 0) return;
  throw new Error(
    `namespace ${taken.join(', ')} exists already in context "${cluster.contextName}", and the demo would delete it: delete it yourself if nobody needs it, or use another cluster`,
  );
}

/** Asks before anything is changed. */
export async function askConsent(intent: string): Promise<boolean> {
  if (!process.stdin.isTTY) {
    throw new Error(`${intent}; nobody is here to agree to that: run it in a terminal, or say --yes`);
  }
  const prompt = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return /^y(es)?$/iu.test((await prompt.question(`${intent}.\nGo on? [y/N] `)).trim());
  } finally {
    prompt.close();
  }
}

/** Takes away what the demo made. */
export async function cleanUp(cluster: EnvironmentCluster): Promise<void> {
  await cluster.kubectl([
    'delete',
    'namespace',
    ...DEMO_NAMESPACES,
    '--ignore-not-found',
    '--wait=true',
    '--timeout=120s',
  ]);
}
