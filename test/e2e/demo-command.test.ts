import { spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const program = join(import.meta.dirname, '..', '..', 'local', 'demo', 'main.ts');

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'demo-command-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function runDemo(options: { readonly env: NodeJS.ProcessEnv; readonly interruptAt?: string }) {
  const child = spawn(process.execPath, [program], {
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const { interruptAt } = options;
  const read = (chunk: Buffer): void => {
    const seenBefore = interruptAt !== undefined && output.includes(interruptAt);
    output += chunk.toString('utf8');
    if (interruptAt !== undefined && !seenBefore && output.includes(interruptAt)) child.kill('SIGINT');
  };
  child.stdout.on('data', read);
  child.stderr.on('data', read);
  return new Promise<{ readonly code: number | null; readonly output: string }>((resolve) => {
    child.once('close', (code) => resolve({ code, output }));
  });
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
      const { code, output } = await runDemo({ env: { TMPDIR: folder }, interruptAt });
      expect(output).toContain('ending everything that was started');
      expect(code).toBe(130);
      expect(await processesOf(folder)).toEqual([]);
      const left = await readdir(folder, { recursive: true });
      expect(left.filter((path) => path !== 'tidegate-ports' && !path.startsWith('node-compile-cache'))).toEqual([]);
    },
    120_000,
  );

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
