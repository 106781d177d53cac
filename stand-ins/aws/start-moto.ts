import type { ChildProcessByStdio } from 'node:child_process';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { z } from 'zod';

import { ensureMoto } from './ensure-moto.ts';

type MotoProcess = ChildProcessByStdio<Writable, Readable, Readable>;

const READY_WITHIN_MS = 60_000;
const announcement = z.object({ port: z.int() });
const counts = z.record(z.string(), z.number());

/** The account that moto plays. */
export const MOTO_ACCOUNT = '123456789012';

/** Where moto listens and how it behaves. */
export interface StartMotoOptions {
  /** A free port unless given. */
  readonly port?: number;
  /** How long every answer is held back. */
  readonly delayMs?: number;
  readonly region?: string;
  readonly progress?: (line: string) => void;
}

/** An answer that moto gives instead of its own. */
export interface AwsFault {
  /** The operation's name in the API: `DescribeImages`; for S3 method and path: `PUT /bucket/key`; for STS `POST /`. */
  readonly operation: string;
  readonly status: number;
  /** AWS' code of the error: `ThrottlingException`. */
  readonly code: string;
  readonly message: string;
  /** Whatever else the error carries: `{ CancellationReasons: […] }`. */
  readonly fields?: Readonly<Record<string, unknown>>;
  /** The answer alone is lost: moto does what it was asked before it says that it failed. */
  readonly afterwards?: boolean;
  /** How many calls are answered as ever before the first that is not. */
  readonly after?: number;
  readonly times: number;
}

/** An EKS cluster that moto has, and where its API server stands. */
export interface PlacedEksCluster {
  /** The cluster's name in EKS. */
  readonly name: string;
  readonly endpoint: string;
  /** PEM. */
  readonly certificateAuthority: string;
}

/** A moto that answers on the loopback address until it is stopped or its parent dies. */
export interface RunningMoto {
  readonly url: string;
  readonly region: string;
  readonly account: string;
  readonly pid: number;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** What the AWS SDKs of another process need to talk to it. */
  readonly env: Readonly<Record<string, string>>;
  /** How often each operation was called, by its name in the API. */
  countRequests(): Promise<Readonly<Record<string, number>>>;
  injectFault(fault: AwsFault): Promise<void>;
  /** Says where the API server of an EKS cluster is: moto makes its address and certificate authority up. */
  placeEksCluster(cluster: PlacedEksCluster): Promise<void>;
  stop(): Promise<void>;
}

async function readPort(child: MotoProcess, complaints: () => string): Promise<number> {
  const lines = createInterface({ input: child.stdout });
  const timer = setTimeout(() => child.kill('SIGKILL'), READY_WITHIN_MS);
  try {
    for await (const line of lines) return announcement.parse(JSON.parse(line)).port;
  } finally {
    clearTimeout(timer);
    lines.close();
  }
  throw new Error(`moto did not start listening: ${complaints().trim() || 'it said nothing'}`);
}

async function stopProcess(child: MotoProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = new Promise((resolve) => child.once('exit', resolve));
  child.stdin.end();
  const timer = setTimeout(() => child.kill('SIGKILL'), 5_000);
  await closed;
  clearTimeout(timer);
}

/** Starts a moto that plays AWS, with nothing in it; several may run at once. */
export async function startMoto(options: StartMotoOptions = {}): Promise<RunningMoto> {
  const { port = 0, delayMs = 0, region = 'eu-west-1', progress } = options;
  const { python } = await ensureMoto(progress === undefined ? {} : { progress });
  const child = spawn(python, [join(import.meta.dirname, 'serve-moto.py'), String(port), String(delayMs)], {
    // The pipe to its standard input is what ties its life to ours; a group of its own keeps Ctrl-C for whoever stops it.
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
    env: { PATH: process.env['PATH'] ?? '', PYTHONDONTWRITEBYTECODE: '1', MOTO_ACCOUNT_ID: MOTO_ACCOUNT },
  });
  let complaints = '';
  child.stderr.on('data', (chunk: Buffer) => {
    complaints = (complaints + chunk.toString('utf8')).slice(-4_000);
  });
  child.stdin.on('error', () => {});
  const url = `http://127.0.0.1:${await readPort(child, () => complaints)}`;
  child.stdout.resume();
  const credentials = { accessKeyId: 'testing', secretAccessKey: 'testing' };
  return {
    url,
    region,
    account: MOTO_ACCOUNT,
    pid: child.pid ?? 0,
    credentials,
    env: {
      AWS_ENDPOINT_URL: url,
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    },
    countRequests: async () => counts.parse(await (await fetch(`${url}/_tidegate/requests`)).json()),
    injectFault: async (fault) => {
      await fetch(`${url}/_tidegate/faults`, { method: 'POST', body: JSON.stringify(fault) });
    },
    placeEksCluster: async ({ name, endpoint, certificateAuthority: pem }) => {
      const certificateAuthority = Buffer.from(pem).toString('base64');
      const place = { account: MOTO_ACCOUNT, region, name, endpoint, certificateAuthority };
      const { ok } = await fetch(`${url}/_tidegate/eks-endpoint`, { method: 'POST', body: JSON.stringify(place) });
      if (!ok) throw new Error(`moto has no EKS cluster ${name}`);
    },
    stop: () => stopProcess(child),
  };
}
