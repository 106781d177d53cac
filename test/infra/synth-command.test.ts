import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const run = promisify(execFile);

/** The modes of the functions' files in an assembly; the archives that the CDK uploads have the same. */
async function modesOfAssets(assembly: string): Promise<ReadonlySet<string>> {
  const entries = await readdir(assembly, { recursive: true, withFileTypes: true });
  const assets = entries.filter((entry) => entry.isFile() && entry.parentPath.includes(`${assembly}/asset.`));
  const modes = assets.map(async ({ parentPath, name }) => (await stat(join(parentPath, name))).mode & 0o777);
  return new Set((await Promise.all(modes)).map((mode) => mode.toString(8)));
}

test('cdk synth warns of nothing, and writes what Lambda can read where nobody else may', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-synth-'));
  const args = ['synth', '--quiet', '--no-notices', '--context', 'settings=examples/aws/tidegate.yaml'];

  const { stdout, stderr } = await run(
    'sh',
    ['-c', 'umask 077; exec "$@"', 'sh', 'node_modules/.bin/cdk', ...args, '--output', folder],
    { env: { ...process.env, CI: 'false', NO_COLOR: '1' } },
  );
  const modes = await modesOfAssets(folder);
  await rm(folder, { recursive: true });

  expect(stdout + stderr).toBe('');
  expect(modes).toEqual(new Set(['644']));
}, 120_000);
