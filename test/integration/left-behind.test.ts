import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');

describe('the unit tests', () => {
  it('leave nothing in the folder for temporary files', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tidegate-left-'));
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('VITEST'));
    const env = { ...Object.fromEntries(inherited), TMPDIR: folder, NODE_DISABLE_COMPILE_CACHE: '1' };
    const files = ['test/unit/cli/format-diff.test.ts', 'test/unit/local/server/observe-health.test.ts'];

    await run(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', ...files], { cwd: root, env });
    const left = await readdir(folder);
    await rm(folder, { recursive: true });

    expect(left).toEqual([]);
  });
});

describe('npm ci', () => {
  it('warns of nothing, on the oldest Node that may run it too', async () => {
    // Not the Node that the checkout brings: the one that a person has before that.
    const folders = (process.env['PATH'] ?? '').split(delimiter).filter((path) => !path.includes('node_modules'));
    const npm = folders.map((path) => join(path, 'npm')).find((path) => existsSync(path)) ?? 'npm';
    const env = { ...process.env, PATH: folders.join(delimiter), npm_config_loglevel: undefined };

    const { stderr } = await run(npm, ['ci', '--dry-run', '--offline'], { cwd: root, env, maxBuffer: 1024 * 1024 });

    expect(stderr).toBe('');
  });
});
