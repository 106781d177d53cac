import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { startMoto } from '#local/aws/start-moto.ts';
import type { RunningMoto } from '#local/aws/start-moto.ts';
import { startInstallation } from '#local/lambda/start-installation.ts';
import type { AwsInstallation } from '#local/lambda/start-installation.ts';
import type { Report } from '../report.ts';
import { measureColdStarts } from './measure-cold-starts.ts';
import type { ColdFunction } from './measure-cold-starts.ts';
import { measureSize } from './measure-sizes.ts';
import { measureWebhookLoad } from './measure-webhook-load.ts';
import { signDelivery } from './sign-delivery.ts';
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
    });
    closers.push(() => installation.stop());
    await fillWebhookSecret(installation, moto);
    const emptyHandler = await writeEmptyHandler(folder);

    const reports: Report[] = [];
    for (const measure of [reportSizesAndStarts, reportWebhookLoad]) {
      const report = await measure({ installation, emptyHandler, options });
      onReport(report);
      reports.push(report);
    }
    return reports;
  } finally {
    for (const close of closers.toReversed()) await close();
  }
}

interface Measured {
  readonly installation: AwsInstallation;
  /** Folder of a function that does nothing. */
  readonly emptyHandler: string;
  readonly options: BenchLambdaOptions;
}

async function reportSizesAndStarts({ installation, emptyHandler, options }: Measured): Promise<Report> {
  const webhook = installation.functionOf('Webhook').options;
  const functions: readonly [ColdFunction, ...ColdFunction[]] = [
    { name: 'empty handler', options: { ...webhook, name: 'empty', taskRoot: emptyHandler }, makeEvent: () => ({}) },
    { name: 'github-webhook', options: webhook, makeEvent: () => signDelivery(SECRET) },
    ...Object.entries(WORKERS).map(([name, id]) => ({
      name,
      options: installation.functionOf(id).options,
      // No work: what is left is what a worker loads and opens before its first message.
      makeEvent: () => ({ Records: [] }),
    })),
  ];
  const starts = await measureColdStarts(functions, options);
  const rows = await Promise.all(
    functions.map(async ({ name, options: { taskRoot } }) => ({ name, ...(await measureSize(taskRoot)) })),
  );
  const sizeOfWebhook = rows.find(({ name }) => name === 'github-webhook')?.bytes ?? Number.NaN;
  const ratioOfWebhook = starts.find(({ name }) => name === 'github-webhook')?.ratio ?? Number.NaN;
  return {
    title: 'Bundles and cold starts',
    method:
      `From the start of the process to its first answer, median and 90th percentile of ${options.rounds} rounds, each ` +
      'with every function in turn; the ratio is the median of the rounds. The webhook reads its secret, checks a ' +
      'signed push and queues it; the workers get an empty batch.',
    columns: ['function', 'bytes', 'gzip', 'median ms', 'p90 ms', '× empty'],
    rows: rows.map(({ name, bytes, gzipBytes }) => {
      const start = starts.find((one) => one.name === name);
      const ms = (value = Number.NaN): string => value.toFixed(0);
      return [name, bytes, gzipBytes, ms(start?.medianMs), ms(start?.p90Ms), (start?.ratio ?? Number.NaN).toFixed(2)];
    }),
    promises: [
      {
        promise: `the webhook has at most ${MAX_WEBHOOK_BYTES} bytes`,
        measured: `${sizeOfWebhook}`,
        isKept: sizeOfWebhook <= MAX_WEBHOOK_BYTES,
      },
      {
        promise: `the webhook starts within ${MAX_WEBHOOK_RATIO} times an empty handler`,
        measured: `${ratioOfWebhook.toFixed(2)} times`,
        isKept: ratioOfWebhook <= MAX_WEBHOOK_RATIO,
      },
    ],
  };
}

async function reportWebhookLoad({ installation, options: { seconds, progress } }: Measured): Promise<Report> {
  progress(`${WEBHOOKS_PER_SECOND} webhooks a second for ${seconds} s`);
  const load = await measureWebhookLoad({
    webhook: installation.functionOf('Webhook').options,
    nextDelivery: () => signDelivery(SECRET),
    perSecond: WEBHOOKS_PER_SECOND,
    seconds,
  });
  return {
    title: `${WEBHOOKS_PER_SECOND} webhooks a second on one process`,
    method:
      'Signed pushes at a steady rate to one process of the webhook, each put into a queue of moto; a delivery’s time ' +
      'begins when it was due.',
    columns: ['webhooks', 'accepted', 'median ms', 'p99 ms', 'max ms'],
    rows: [[load.sent, load.accepted, load.medianMs.toFixed(1), load.p99Ms.toFixed(1), load.maxMs.toFixed(1)]],
    promises: [
      {
        promise: 'every one is accepted',
        measured: `${load.accepted} of ${load.sent}`,
        isKept: load.accepted === load.sent,
      },
      {
        promise: `99 of 100 are answered within ${MAX_P99_MS} ms`,
        measured: `${load.p99Ms.toFixed(1)} ms`,
        isKept: load.p99Ms <= MAX_P99_MS,
      },
    ],
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
