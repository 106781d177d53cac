import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { isAlive } from '#stand-ins/kubernetes/is-alive.ts';
import type { FunctionOptions, LambdaFunction } from '#stand-ins/lambda/start-function.ts';
import { startFunction } from '#stand-ins/lambda/start-function.ts';

const HANDLER = `
import { spawn } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
let events = 0;
let ticks = 0;
setInterval(() => { ticks += 1; }, 10);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
export async function handler(event, context) {
  events += 1;
  switch (event.do) {
    case 'describe': return { pid: process.pid, events, cwd: process.cwd(), environment: { ...process.env } };
    case 'count': return { pid: process.pid, ticks };
    case 'work': await sleep(event.ms); return { pid: process.pid };
    case 'compute': for (;;) {}
    case 'context': return { ...context, remaining: context.getRemainingTimeInMillis() };
    case 'throw': throw new RangeError('out of range');
    case 'exit': process.exit(7);
    case 'reject': Promise.reject(new Error('nobody waits for me')); await sleep(5_000); return null;
    case 'spawn': return { child: spawn('/bin/sleep', ['600']).pid };
    case 'say': console.log(event.text); return null;
    case 'large': return 'x'.repeat(7 * 1024 * 1024);
    case 'hold': await sleep(Buffer.alloc(event.mb * 1024 * 1024, 1).length > 0 ? 300 : 0); return { pid: process.pid };
    case 'leave': writeFileSync(tmpdir() + '/' + event.name, Buffer.alloc(event.bytes, 1)); return null;
    case 'look': return { left: readdirSync(tmpdir()) };
  }
}`;

async function waitUntilGone(pid: number): Promise<boolean> {
  for (let attempt = 0; attempt < 100 && isAlive(pid); attempt += 1) await sleep(50);
  return !isAlive(pid);
}

describe('the stand-in for Lambda', () => {
  let folder: string;
  const functions: LambdaFunction[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lambda-test-'));
    await writeFile(join(folder, 'index.mjs'), HANDLER);
    await writeFile(join(folder, 'broken.mjs'), "throw new Error('no settings')");
  });
  afterEach(async () => {
    await Promise.all(functions.splice(0).map((started) => started.stop()));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  function start(options: Partial<FunctionOptions> = {}): LambdaFunction {
    const started = startFunction({
      name: 'tried',
      taskRoot: folder,
      handler: 'index.handler',
      environment: { NODE_OPTIONS: '--enable-source-maps', JOURNAL_TABLE: 'journal' },
      reserved: { AWS_REGION: 'eu-west-1', AWS_ACCESS_KEY_ID: 'AKIA', AWS_SECRET_ACCESS_KEY: 'secret' },
      timeoutMs: 10_000,
      memoryMb: 128,
      ...options,
    });
    functions.push(started);
    return started;
  }

  /** What the function answered, or an error. */
  async function ask(tried: LambdaFunction, event: unknown): Promise<Record<string, unknown>> {
    const invocation = await tried.invoke(event);
    if (invocation.outcome !== 'answered') throw new Error(JSON.stringify(invocation));
    return Object(invocation.payload) as Record<string, unknown>;
  }

  it('starts anew after it was retired, and finishes first what it is in the middle of', async () => {
    const tried = start();
    const idle = await ask(tried, { do: 'describe' });
    const busy = tried.invoke({ do: 'work', ms: 300 });
    await sleep(100);
    await tried.retire();

    const fresh = await ask(tried, { do: 'describe' });
    const finished = await busy;

    expect(finished).toMatchObject({ outcome: 'answered', payload: { pid: idle['pid'] }, coldStart: false });
    expect(fresh).toMatchObject({ events: 1 });
    expect(await waitUntilGone(Number(idle['pid']))).toBe(true);
  });

  it('gives a process the variables of Lambda and of the template, and none of ours', async () => {
    const { environment, cwd } = await ask(start(), { do: 'describe' });

    expect(cwd).toBe(folder);
    expect(environment).toEqual({
      NODE_OPTIONS: '--enable-source-maps',
      JOURNAL_TABLE: 'journal',
      AWS_REGION: 'eu-west-1',
      AWS_ACCESS_KEY_ID: 'AKIA',
      AWS_SECRET_ACCESS_KEY: 'secret',
      PATH: '/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin',
      LANG: 'en_US.UTF-8',
      TZ: ':UTC',
      LAMBDA_TASK_ROOT: folder,
      LAMBDA_RUNTIME_DIR: expect.stringContaining('lambda-tried-'),
      TMPDIR: expect.stringContaining('lambda-tried-'),
      AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
      AWS_LAMBDA_FUNCTION_NAME: 'tried',
      AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '128',
      AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
      AWS_LAMBDA_LOG_GROUP_NAME: '/aws/lambda/tried',
      AWS_LAMBDA_LOG_STREAM_NAME: 'stand-in',
      AWS_LAMBDA_RUNTIME_API: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      AWS_XRAY_CONTEXT_MISSING: 'LOG_ERROR',
      AWS_XRAY_DAEMON_ADDRESS: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      _HANDLER: 'index.handler',
      _X_AMZN_TRACE_ID: expect.stringMatching(/^Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=1$/),
    });
  });

  it('starts a process for the first event and uses it for the next ones', async () => {
    const tried = start();

    const first = await tried.invoke({ do: 'describe' });
    const second = await tried.invoke({ do: 'describe' });

    expect(first).toMatchObject({ outcome: 'answered', coldStart: true, payload: { events: 1, pid: tried.pids()[0] } });
    expect(second).toMatchObject({ outcome: 'answered', coldStart: false, payload: { events: 2 } });
    expect(tried.pids()).toHaveLength(1);
  });

  it('gives events that come at once a process each', async () => {
    const tried = start();

    const answers = await Promise.all([1, 2, 3].map(() => ask(tried, { do: 'work', ms: 300 })));

    expect(new Set(answers.map(({ pid }) => pid)).size).toBe(3);
    expect(new Set(tried.pids())).toEqual(new Set(answers.map(({ pid }) => pid)));
  });

  it('freezes a process between two events', async () => {
    const tried = start();
    const before = await ask(tried, { do: 'count' });

    await sleep(500);
    const after = await ask(tried, { do: 'count' });

    expect(after['pid']).toBe(before['pid']);
    expect(Number(after['ticks']) - Number(before['ticks'])).toBeLessThan(20);
  });

  it('tells the function who it is and how long it still has', async () => {
    const context = await ask(start({ timeoutMs: 4_000, memoryMb: 256 }), { do: 'context' });

    expect(context).toMatchObject({
      functionName: 'tried',
      functionVersion: '$LATEST',
      memoryLimitInMB: '256',
      invokedFunctionArn: 'arn:aws:lambda:eu-west-1:123456789012:function:tried',
      awsRequestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    expect(context['remaining']).toBeLessThanOrEqual(4_000);
    expect(context['remaining']).toBeGreaterThan(2_000);
  });

  it.each([{ do: 'work', ms: 60_000 }, { do: 'compute' }])('kills a process whose time is up: %o', async (event) => {
    const tried = start({ timeoutMs: 700 });
    const { pid } = await ask(tried, { do: 'describe' });

    const late = await tried.invoke(event);
    const next = await tried.invoke({ do: 'describe' });

    expect(late).toMatchObject({ outcome: 'timedOut' });
    expect(late.ms).toBeGreaterThanOrEqual(690);
    expect(isAlive(Number(pid))).toBe(false);
    expect(next).toMatchObject({ outcome: 'answered', coldStart: true });
  });

  it('goes on with a process whose handler threw', async () => {
    const tried = start();

    const thrown = await tried.invoke({ do: 'throw' });
    const next = await tried.invoke({ do: 'describe' });

    expect(thrown).toMatchObject({ outcome: 'failed', errorType: 'RangeError', message: 'out of range' });
    expect(next).toMatchObject({ outcome: 'answered', coldStart: false, payload: { events: 2 } });
  });

  it.each([
    { event: { do: 'exit' }, errorType: 'Runtime.ExitError', message: /Runtime exited with error: exit status 7$/ },
    { event: { do: 'reject' }, errorType: 'Runtime.UnhandledPromiseRejection', message: /^nobody waits for me$/ },
  ])('starts anew after a process that died: $errorType', async ({ event, errorType, message }) => {
    const tried = start();

    const died = await tried.invoke(event);
    const next = await tried.invoke({ do: 'describe' });

    expect(died).toMatchObject({ outcome: 'failed', errorType, message: expect.stringMatching(message) });
    expect(next).toMatchObject({ outcome: 'answered', coldStart: true });
  });

  it.each([
    { handler: 'broken.handler', message: /no settings/ },
    { handler: 'index.missing', message: /index\.missing is not exported as a function/ },
    { handler: 'absent.handler', message: /absent\.mjs/ },
  ])('fails an event whose process cannot load $handler', async ({ handler, message }) => {
    const tried = start({ handler });

    const failed = await tried.invoke({});

    expect(failed).toMatchObject({ outcome: 'failed', message: expect.stringMatching(message) });
    expect(tried.pids()).toEqual([]);
  });

  it('refuses an answer larger than Lambda takes', async () => {
    const refused = await start().invoke({ do: 'large' });

    expect(refused).toMatchObject({ outcome: 'failed', errorType: 'Function.ResponseSizeTooLarge' });
  });

  it('refuses an event larger than Lambda takes, and starts nothing for it', async () => {
    const tried = start();

    const refused = await tried.invoke({ do: 'describe', ballast: 'x'.repeat(6 * 1024 * 1024) });

    expect(refused).toMatchObject({ outcome: 'failed', errorType: 'RequestEntityTooLargeException' });
    expect(tried.pids()).toEqual([]);
  });

  it("kills a process of which more is resident than the function has, V8's heap or not", async () => {
    const tried = start({ memoryMb: 160 });

    const fitting = await tried.invoke({ do: 'hold', mb: 40 });
    const killed = await tried.invoke({ do: 'hold', mb: 200 });
    const next = await tried.invoke({ do: 'describe' });

    expect(fitting).toMatchObject({ outcome: 'answered' });
    expect(killed).toMatchObject({
      outcome: 'failed',
      errorType: 'Runtime.OutOfMemory',
      message: expect.stringMatching(/\d+ MB were resident, of 160 MB$/u),
    });
    expect(next).toMatchObject({ outcome: 'answered', coldStart: true });
    expect(tried.peakMemory()).toBeGreaterThan(160 * 1024 * 1024);
  });

  it('keeps /tmp for the next event and for the process after one that died, and for no other environment', async () => {
    const tried = start({ timeoutMs: 1_000 });
    await ask(tried, { do: 'leave', name: 'of-the-first', bytes: 10 });

    const next = await ask(tried, { do: 'look' });
    await tried.invoke({ do: 'compute' });
    const afterTimeout = await ask(tried, { do: 'look' });
    await tried.invoke({ do: 'exit' });
    const afterCrash = await ask(tried, { do: 'look' });
    await tried.retire();
    const elsewhere = await ask(tried, { do: 'look' });

    expect([next, afterTimeout, afterCrash]).toEqual(Array.from({ length: 3 }, () => ({ left: ['of-the-first'] })));
    expect(elsewhere).toEqual({ left: [] });
  });

  it('fails an event after which /tmp holds more than fits', async () => {
    const tried = start({ storageMb: 1 });

    const fitting = await tried.invoke({ do: 'leave', name: 'a', bytes: 600_000 });
    const tooMuch = await tried.invoke({ do: 'leave', name: 'b', bytes: 600_000 });

    expect(fitting).toMatchObject({ outcome: 'answered' });
    expect(tooMuch).toMatchObject({ outcome: 'failed', message: '/tmp holds 2 MB: 1 MB fit' });
  });

  it('fails what is under way when its processes are killed, and starts anew', async () => {
    const tried = start();
    const { pid } = await ask(tried, { do: 'describe' });

    const underWay = tried.invoke({ do: 'work', ms: 60_000 });
    await sleep(100);
    await tried.kill();

    expect(await underWay).toMatchObject({
      outcome: 'failed',
      errorType: 'Runtime.ExitError',
      message: expect.stringMatching(/signal: SIGKILL$/),
    });
    expect(isAlive(Number(pid))).toBe(false);
    expect(await tried.invoke({ do: 'describe' })).toMatchObject({ outcome: 'answered', coldStart: true });
  });

  it('leaves nothing behind that a function had started', async () => {
    const tried = start();
    const { child } = await ask(tried, { do: 'spawn' });
    expect(isAlive(Number(child))).toBe(true);

    await tried.stop();

    expect(await waitUntilGone(Number(child))).toBe(true);
    await expect(tried.invoke({})).rejects.toThrow('function tried is stopped');
  });

  it('keeps what a function says', async () => {
    const logFile = join(folder, 'said.log');

    await ask(start({ logFile }), { do: 'say', text: 'a line' });

    expect(await readFile(logFile, 'utf8')).toBe('a line\n');
  });

  it.each(['idle', 'computing'])(
    'ends a process that is %s when ours is killed, and removes its folder',
    async (state) => {
      const starter = join(import.meta.dirname, '../../stand-ins/lambda/start-function.ts');
      const script = `
      const { startFunction } = await import(${JSON.stringify(starter)});
      const tried = startFunction({ name: 'tried', taskRoot: ${JSON.stringify(folder)}, handler: 'index.handler',
        environment: {}, reserved: {}, timeoutMs: 600_000, memoryMb: 128 });
      const { payload } = await tried.invoke({ do: 'describe' });
      if (${JSON.stringify(state)} === 'computing') void tried.invoke({ do: 'compute' });
      console.log(tried.pids()[0] + ' ' + payload.environment.TMPDIR);`;
      const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const [line] = await once(parent.stdout, 'data');
      const [pid = '', itsFolder = ''] = String(line).trim().split(' ');
      expect(isAlive(Number(pid))).toBe(true);
      expect(existsSync(itsFolder)).toBe(true);

      parent.kill('SIGKILL');

      expect(await waitUntilGone(Number(pid))).toBe(true);
      await expect.poll(() => existsSync(itsFolder), { timeout: 5_000 }).toBe(false);
    },
  );
});
