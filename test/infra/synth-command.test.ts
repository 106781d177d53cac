import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const run = promisify(execFile);

test('cdk synth warns of nothing', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-synth-'));
  const args = ['synth', '--quiet', '--no-notices', '--context', 'settings=examples/aws/tidegate.yaml'];

  const { stdout, stderr } = await run('node_modules/.bin/cdk', [...args, '--output', folder], {
    env: { ...process.env, CI: 'false', NO_COLOR: '1' },
  });
  await rm(folder, { recursive: true });

  expect(stdout + stderr).toBe('');
}, 120_000);
