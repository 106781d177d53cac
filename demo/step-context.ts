import type { DemoEnvironment } from './start-environment.ts';
import { type Awaited, notYet, PromiseBroken, sighted, type Sighting } from './wait-for.ts';

/** The Kustomizations of the configuration repository. */
export const KUSTOMIZATIONS: readonly string[] = ['flux-system', 'cache', 'podinfo'];

/** The namespaces that the app lives in. */
export const APP_NAMESPACES: readonly string[] = ['podinfo', 'cache'];

/** What a step plays with. */
export interface StepContext {
  readonly environment: DemoEnvironment;
  /** Waits for something that can be seen, and fails with what is there instead. */
  readonly wait: <Value>(awaited: Awaited<Value>) => Promise<Value>;
  /** Shows lines below the step, in color where there is color. */
  readonly show: (lines: readonly ShownLine[]) => void;
}

/** A line that a step shows. */
export interface ShownLine {
  readonly text: string;
  readonly tone: 'added' | 'removed' | 'quiet';
}

/** What a step says about itself in the end, in `--json` too. */
export type Facts = Readonly<Record<string, unknown>>;

/** Waits until both Deployments are Ready, podinfo with this tag. */
export async function waitUntilReady({ environment, wait }: StepContext, tag: string): Promise<void> {
  const { view } = environment.cluster;
  await wait({ what: `podinfo ${tag} to be Ready`, look: () => view.isReady('podinfo', 'podinfo', tag) });
  await wait({ what: 'cache to be Ready', look: () => view.isReady('cache', 'cache', '8.1') });
}

/** Waits until the commit says of every Kustomization that it is applied and healthy. */
export async function waitForStatuses({ environment, wait }: StepContext, commit: string): Promise<void> {
  const wanted = KUSTOMIZATIONS.map((name) => `tidegate/${environment.clusterName}/flux-system/${name}`);
  await wait({
    what: `the statuses of commit ${commit.slice(0, 7)} on GitHub`,
    look: async () => {
      const statuses = await environment.user.readStatuses(commit);
      const states = wanted.map((context) => `${context}: ${statuses.get(context)?.state ?? 'none'}`);
      return states.every((state) => state.endsWith(': success')) ? sighted(undefined) : notYet(states.join(', '));
    },
  });
}

/** The pull requests that Tidegate opened. */
export async function listOwnPulls(environment: DemoEnvironment) {
  return (await environment.user.listPulls()).filter(({ branch }) => branch.startsWith('tidegate/'));
}

/** Fails a step at once, in words. */
export function insist(isTrue: boolean, otherwise: string): void {
  if (!isTrue) throw new PromiseBroken(otherwise);
}

/** An object that is not there any more. */
export async function seeGone(
  environment: DemoEnvironment,
  kind: 'ConfigMap' | 'Namespace',
  namespace: string,
  name: string,
): Promise<Sighting<undefined>> {
  const live = await environment.cluster.view.get(kind, namespace, name);
  return live === undefined ? sighted(undefined) : notYet(`${kind} ${name} is there`);
}
