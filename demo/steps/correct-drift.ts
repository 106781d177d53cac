import type { LiveObject } from '#shared/kubernetes/live-object.ts';

import { type StepContext, waitUntilReady } from '../step-context.ts';
import { notYet, sighted } from '../wait-for.ts';

const GREETING = 'greetings from fleet-infra';
const drifted: readonly string[] = ['Deployment/podinfo/podinfo', 'ConfigMap/podinfo/podinfo', 'Service/cache/cache'];

/** 4: what somebody changes by hand is put right, and named. */
export async function correctDrift(context: StepContext) {
  const { environment, wait, show } = context;
  const { cluster } = environment;
  const { view } = cluster;
  const before = (await environment.journal.events()).length;
  const service = await view.get('Service', 'cache', 'cache');
  const startedAt = Date.now();
  await cluster.kubectl(['-n', 'podinfo', 'scale', 'deployment', 'podinfo', '--replicas=5']);
  const edit = JSON.stringify({ data: { greeting: 'hello from a hotfix' } });
  await cluster.kubectl(['-n', 'podinfo', 'patch', 'configmap', 'podinfo', '--type=merge', '-p', edit]);
  await cluster.kubectl(['-n', 'cache', 'delete', 'service', 'cache']);

  await waitUntilReady(context, '6.7.1');
  await wait({
    what: 'the scaled Deployment to have 2 replicas',
    look: async () => {
      const replicas = readNumber(await view.get('Deployment', 'podinfo', 'podinfo'), 'spec', 'replicas');
      return replicas === 2 ? sighted(undefined) : notYet(`${replicas} replicas`);
    },
  });
  await wait({
    what: 'the edited ConfigMap to be what Git says',
    look: async () => {
      const greeting = readField(await view.get('ConfigMap', 'podinfo', 'podinfo'), 'data', 'greeting');
      return greeting === GREETING ? sighted(undefined) : notYet(`greeting: ${String(greeting)}`);
    },
  });
  await wait({
    what: 'the deleted Service to be there again',
    look: async () => {
      const live = await view.get('Service', 'cache', 'cache');
      return live !== undefined && live.metadata.uid !== service?.metadata.uid
        ? sighted(undefined)
        : notYet('no new Service');
    },
  });
  const correctedMs = Date.now() - startedAt;
  const named = await wait({
    what: 'the events that name all three',
    look: async () => {
      // Told before it is put right; DriftCorrected follows at the end of the run, unless that is killed in between.
      const told = (await environment.journal.events())
        .slice(before)
        .filter(({ reason }) => reason === 'DriftDetected');
      const missing = drifted.filter((id) => !told.some(({ message }) => message.includes(id)));
      return missing.length === 0 ? sighted(told) : notYet(`no event DriftDetected names ${missing.join(', ')}`);
    },
  });
  show(
    named.flatMap(({ object, message }) =>
      message.split('\n').map((line) => ({ text: `${object.name}: ${line}: put right`, tone: 'quiet' })),
    ),
  );
  return { corrected: drifted, correctedMs };
}

function readField(live: LiveObject | undefined, part: string, field: string): unknown {
  const value = live?.[part];
  return typeof value === 'object' && value !== null ? Reflect.get(value, field) : undefined;
}

function readNumber(live: LiveObject | undefined, part: string, field: string): number | undefined {
  const value = readField(live, part, field);
  return typeof value === 'number' ? value : undefined;
}
