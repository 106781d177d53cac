import { spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const program = join(import.meta.dirname, '..', '..', 'demo', 'main.ts');

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'demo-command-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface DemoRun {
  readonly env?: NodeJS.ProcessEnv;
  readonly args?: readonly string[];
  /** What is done to it once its output holds a text; again, once more. */
  readonly at?: readonly { readonly text: string; readonly act: 'SIGINT' | 'close the pipe' }[];
}

function runDemo({ env = {}, args = [], at = [] }: DemoRun) {
  const child = spawn(process.execPath, [program, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const waiting = [...at];
  let output = '';
  const read = (chunk: Buffer): void => {
    output += chunk.toString('utf8');
    while (waiting[0] !== undefined && output.includes(waiting[0].text)) {
      if (waiting.shift()?.act === 'SIGINT') child.kill('SIGINT');
      else child.stdout.destroy();
    }
  };
  child.stdout.on('data', read);
  child.stderr.on('data', read);
  return new Promise<{ readonly code: number | null; readonly output: string }>((resolve) => {
    child.once('close', (code) => resolve({ code, output }));
  });
}

/** What is left in the folder for temporary files; the claims on ports lie in one that stays. */
async function leftBehind(): Promise<readonly string[]> {
  const left = await readdir(folder, { recursive: true });
  return left.filter((path) => path !== 'tidegate-ports' && !path.startsWith('node-compile-cache'));
}

/** Supervisors end what they watch, and remove folders, when the process they belong to is gone already. */
async function untilNothingIsLeft(): Promise<void> {
  const giveUpAt = Date.now() + 20_000;
  while (((await leftBehind()).length > 0 || (await processesOf(folder)).length > 0) && Date.now() < giveUpAt) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Processes whose command line names a folder. */
async function processesOf(path: string): Promise<readonly string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/u.test(name));
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
  return lines.filter((line) => line.includes(path));
}

describe('npm run demo', () => {
  test.each([
    ['before the story', 'GitHub and AWS played here'],
    ['in the middle of it', '✓ 2'],
  ])(
    'Ctrl-C %s leaves no process, no folder and no claimed port behind',
    async (_when, interruptAt) => {
      const env = { TMPDIR: folder, TIDEGATE_PORTS: join(folder, 'tidegate-ports') };
      const { code, output } = await runDemo({ env, at: [{ text: interruptAt, act: 'SIGINT' }] });
      expect(output).toContain('ending everything that was started');
      expect(code).toBe(130);
      expect(await processesOf(folder)).toEqual([]);
      expect(await leftBehind()).toEqual([]);
    },
    120_000,
  );

  test.each([
    [
      'a second Ctrl-C',
      130,
      [
        { text: '✓ 1', act: 'SIGINT' },
        { text: 'Ctrl-C again', act: 'SIGINT' },
      ],
    ],
    ['a reader that goes away', 141, [{ text: 'GitHub and AWS played here', act: 'close the pipe' }]],
  ] as const)(
    '%s leaves nothing behind either, and prints no stack trace',
    async (_what, exitCode, at) => {
      const env = { TMPDIR: folder, TIDEGATE_PORTS: join(folder, 'tidegate-ports') };
      const { code, output } = await runDemo({ env, at });
      expect(code).toBe(exitCode);
      expect(output).not.toMatch(/^\s+at /mu);
      await untilNothingIsLeft();
      expect(await processesOf(folder)).toEqual([]);
      expect(await leftBehind()).toEqual([]);
    },
    120_000,
  );

  test.each([
    [
      '--json into a folder that is not there',
      ['--json', '/nonexist/x'],
      '--json: "/nonexist/x" cannot be written (ENOENT); allowed: a file',
    ],
    ['--json onto a folder', ['--json', '/'], '--json: "/" cannot be written (EISDIR); allowed: a file'],
    ['--json with nothing', ['--json', ''], '--json: "" cannot be written (ENOENT); allowed: a file'],
    [
      '--yes alone',
      ['--yes'],
      '--yes: found without --context; allowed: both or none, on stand-ins nobody is asked anything',
    ],
    [
      'a delay that is none',
      ['--delay', '-1'],
      "error: option '--delay <ms>' argument '-1' is invalid. allowed: milliseconds from 0 to 10000.",
    ],
    ['an option that there is not', ['--jsno', 'x'], "error: unknown option '--jsno'\n(Did you mean --json?)"],
    ['a word too much', ['now'], 'error: too many arguments. Expected 0 arguments but got 1.'],
  ])('refuses %s before anything is started', async (_what, args, message) => {
    const { code, output } = await runDemo({ env: { TMPDIR: folder, PATH: '/nowhere' }, args });
    expect(code).toBe(1);
    expect(output.trim()).toBe(message);
  });

  test('makes no file for --json before it has something to write', async () => {
    const file = join(folder, 'steps.json');
    const { output } = await runDemo({ env: { TMPDIR: folder, PATH: '/nowhere' }, args: ['--json', file] });
    expect(output).toContain('git');
    expect(await leftBehind()).toEqual([]);
  });

  test('says of each tool that is too old which it is and what to do, a line each', async () => {
    const bin = join(folder, 'bin');
    await mkdir(bin);
    const tools = { git: 'git version 2.20.1', go: 'go1.19 linux amd64', python3: '3.8.1' };
    for (const [name, version] of Object.entries(tools)) {
      await writeFile(join(bin, name), `#!/bin/sh\necho "${version}"\n`);
      await chmod(join(bin, name), 0o755);
    }
    const path = [bin, dirname(process.execPath), '/usr/bin', '/bin'].join(delimiter);
    const { code, output } = await runDemo({ env: { PATH: path } });
    expect(code).toBe(1);
    const lines = output.trim().split('\n');
    expect(lines).toEqual([
      expect.stringMatching(/^git is .*2\.20\.1.*: install git/u),
      expect.stringMatching(/^go is .*1\.19.*: install Go/u),
      expect.stringMatching(/^python3 is .*3\.8\.1.*: install Python/u),
    ]);
  }, 60_000);
});
