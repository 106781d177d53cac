import { PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { RunningMoto } from '#stand-ins/aws/start-moto.ts';
import { startMoto } from '#stand-ins/aws/start-moto.ts';
import { ensureClusterBinaries } from '#stand-ins/kubernetes/build-binaries.ts';
import type { FunctionOptions } from '#stand-ins/lambda/start-function.ts';
import type { AwsInstallation } from '#stand-ins/lambda/start-installation.ts';
import { startInstallation } from '#stand-ins/lambda/start-installation.ts';

import type { KeptPromise, Report } from '../report.ts';
import type { ColdFunction } from './measure-cold-starts.ts';
import { measureColdStarts } from './measure-cold-starts.ts';
import { measureServeLoad } from './measure-serve-load.ts';
import { measureSize } from './measure-sizes.ts';
import { measureWarmWebhooks } from './measure-warm-webhooks.ts';
import { serveForWebhooks } from './serve-for-webhooks.ts';
import { forgeDelivery, signDelivery, toGatewayEvent } from './sign-delivery.ts';
import { synthesizeExample } from './synthesize-example.ts';

export interface BenchLambdaOptions {
  /** Cold starts of each function. */
  readonly rounds: number;
  /** How long webhooks are sent. */
  readonly seconds: number;
  readonly progress: (line: string) => void;
  readonly onReport: (report: Report) => void;
}

/** The functions by their names, and the logical ids that the stack gives them. */
const WORKERS = {
  'source-sync': 'SourceSync',
  'image-update': 'ImageUpdate',
  reconcile: 'Reconcileproduction',
  notify: 'Notify',
} as const;
const SECRET = 'a webhook secret of the bench';
const MAX_WEBHOOK_BYTES = 100_000;
const MAX_WEBHOOK_RATIO = 1.5;
const WEBHOOKS_PER_SECOND = 200;
const MAX_P99_MS = 50;

/** Measures the bundles of the example's stack under the stand-in for Lambda, with moto as AWS. */
export async function benchLambda(options: BenchLambdaOptions): Promise<readonly Report[]> {
  const { progress, onReport } = options;
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-bench-'));
  const closers: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })];
  try {
    progress('synthesizing the example and starting AWS');
    const { template, stackName, folder: assembly } = await synthesizeExample(join(folder, 'assembly'));
    const moto = await startMoto({ progress });
    closers.push(() => moto.stop());
    // Not started: what is measured is called from here, and by nothing else.
    const installation = await startInstallation({
      stackName,
      template,
      assembly,
      moto,
      folder,
      logFolder: join(folder, 'logs'),
      tickMs: 60_000,
      kubectl: (await ensureClusterBinaries({ progress })).kubectl,
    });
    closers.push(() => installation.stop());
    await fillWebhookSecret(installation, moto);
    const emptyHandler = await writeEmptyHandler(folder);

    const optionsOf = (id: string): FunctionOptions => {
      const { options: asInstalled } = installation.functionOf(id);
      // Past the gate that holds calls to the policies: it runs in this process, and would be measured along.
      return { ...asInstalled, reserved: { ...asInstalled.reserved, AWS_ENDPOINT_URL: moto.url } };
    };

    const reports: Report[] = [];
    for (const measure of [reportSizesAndStarts, reportWarmWebhooks, reportServeLoad]) {
      const report = await measure({ optionsOf, emptyHandler, folder, options });
      onReport(report);
      reports.push(report);
    }
    return reports;
  } finally {
    for (const close of closers.toReversed()) await close();
  }
}

interface Measured {
  /** How the function is started whose logical id begins so. */
  readonly optionsOf: (id: string) => FunctionOptions;
  /** Folder of a function that does nothing. */
  readonly emptyHandler: string;
  readonly folder: string;
  readonly options: BenchLambdaOptions;
}

async function reportSizesAndStarts({ optionsOf, emptyHandler, options }: Measured): Promise<Report> {
  const webhook = optionsOf('Webhook');
  const functions: readonly [ColdFunction, ...ColdFunction[]] = [
    { name: 'empty handler', options: { ...webhook, name: 'empty', taskRoot: emptyHandler }, makeEvent: () => ({}) },
    { name: 'github-webhook, 401', options: webhook, makeEvent: () => toGatewayEvent(forgeDelivery()) },
    { name: 'github-webhook, 202', options: webhook, makeEvent: () => toGatewayEvent(signDelivery(SECRET)) },
    ...Object.entries(WORKERS).map(([name, id]) => ({
      name,
      options: optionsOf(id),
      // No work: what is left is what a worker loads and opens before its first message.
      makeEvent: () => ({ Records: [] }),
    })),
  ];
  const starts = await measureColdStarts(functions, options);
  const sizes = await Promise.all(functions.map(({ options: { taskRoot } }) => measureSize(taskRoot)));
  const [, sizeOfWebhook] = sizes;
  const [, startOfWebhook] = starts;
  return {
    title: 'Bundles and cold starts',
    method:
      `From the start of the process to its first answer: median and 90th percentile of ${options.rounds} rounds, each ` +
      'with every function in turn; the ratio is the median of the rounds. 401 is a delivery without a signature, for ' +
      'which AWS is not asked; 202 is a push, for which moto is asked for a secret and given two messages. The workers ' +
      'get an empty batch; reconcile also starts kubectl and reads the journal.',
    columns: ['function', 'bytes', 'gzip', 'median ms', 'p90 ms', '× empty'],
    rows: starts.map(({ name, medianMs, p90Ms, ratio }, index) => [
      name,
      sizes[index]?.bytes ?? Number.NaN,
      sizes[index]?.gzipBytes ?? Number.NaN,
      medianMs.toFixed(0),
      p90Ms.toFixed(0),
      ratio.toFixed(2),
    ]),
    promises: [
      atMost('the bytes of the webhook', sizeOfWebhook?.bytes, MAX_WEBHOOK_BYTES, ''),
      atMost(
        'the webhook to its first answer, 401',
        startOfWebhook?.ratio,
        MAX_WEBHOOK_RATIO,
        ' times an empty handler',
      ),
    ],
  };
}

async function reportWarmWebhooks({ optionsOf, options: { seconds, progress } }: Measured): Promise<Report> {
  progress('webhooks one after the other');
  const load = await measureWarmWebhooks({
    webhook: optionsOf('Webhook'),
    nextDelivery: () => toGatewayEvent(signDelivery(SECRET)),
    count: 20 * seconds,
  });
  return {
    title: 'Webhooks on one process of the function',
    method:
      'Signed pushes one after the other, as Lambda gives them to a process; each is two messages in queues of moto, ' +
      'which takes most of the time.',
    columns: ['webhooks', 'accepted', 'median ms', 'p99 ms'],
    rows: [[load.sent, load.accepted, load.medianMs.toFixed(1), load.p99Ms.toFixed(1)]],
    promises: [],
  };
}

async function reportServeLoad({ optionsOf, folder, options: { seconds, progress } }: Measured): Promise<Report> {
  progress(`${WEBHOOKS_PER_SECOND} webhooks a second for ${seconds} s`);
  const serve = await serveForWebhooks({
    folder: join(folder, 'serve'),
    webhookSecret: SECRET,
    kubectl: optionsOf(WORKERS.reconcile).environment['KUBECTL'] ?? '',
  });
  try {
    const load = await measureServeLoad({
      url: serve.webhookUrl,
      nextDelivery: () => signDelivery(SECRET),
      perSecond: WEBHOOKS_PER_SECOND,
      seconds,
    });
    return {
      title: `${WEBHOOKS_PER_SECOND} webhooks a second on one process`,
      method:
        'Signed pushes at a steady rate to the webhook of one tidegate serve, the same handler with queues on disk, ' +
        'whose workers look at each; a delivery’s time begins when it was due.',
      columns: ['webhooks', 'accepted', 'median ms', 'p99 ms', 'max ms'],
      rows: [[load.sent, load.accepted, load.medianMs.toFixed(1), load.p99Ms.toFixed(1), load.maxMs.toFixed(1)]],
      promises: [
        atMost('those not accepted', load.sent - load.accepted, 0, ` of ${load.sent}`),
        atMost('99 of 100 answered within', load.p99Ms, MAX_P99_MS, ' ms'),
      ],
    };
  } finally {
    await serve.close();
  }
}

function atMost(what: string, measured: number | undefined, allowed: number, unit: string): KeptPromise {
  const value = measured ?? Number.NaN;
  return {
    promise: `${what}, at most ${allowed}${unit}`,
    measured: value.toFixed(Number.isInteger(value) ? 0 : 2),
    isKept: value <= allowed,
  };
}

async function fillWebhookSecret(installation: AwsInstallation, moto: RunningMoto): Promise<void> {
  const { url: endpoint, region, credentials } = moto;
  const client = new SecretsManagerClient({ endpoint, region, credentials });
  const SecretId = installation.stack.outputs['WebhookSecret'] ?? '';
  await client.send(new PutSecretValueCommand({ SecretId, SecretString: SECRET }));
  client.destroy();
}

async function writeEmptyHandler(folder: string): Promise<string> {
  const emptyHandler = join(folder, 'empty-handler');
  await mkdir(emptyHandler);
  await writeFile(join(emptyHandler, 'index.mjs'), 'export const handler = async () => ({});\n');
  return emptyHandler;
}
