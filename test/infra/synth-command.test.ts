import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
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

/** As an earlier synthesis left it, with what it says of whose it is. */
const leave = (folder: string, region: string, ConfigRepository: string): Promise<void> => {
  const Metadata = { Tidegate: { ConfigRepository, Branch: 'main', Installation: 'default' } };
  return writeFile(join(folder, `tidegate-${region}.template.json`), JSON.stringify({ Metadata, Resources: {} }));
};

test('cdk synth warns of a stack of ours without clusters alone, and writes what Lambda can read where nobody else may', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-synth-'));
  await leave(folder, 'us-east-1', 'https://github.com/acme/fleet-infra');
  await leave(folder, 'us-west-2', 'https://github.com/others/fleet-infra');
  await leave(folder, 'eu-west-1', 'https://github.com/acme/fleet-infra');
  await writeFile(join(folder, 'tidegate-us-east-2.template.json'), 'not JSON');
  const args = ['synth', '--quiet', '--no-notices', '--context', 'settings=examples/aws/tidegate.yaml'];

  const { stdout, stderr } = await run(
    'sh',
    ['-c', 'umask 077; exec "$@"', 'sh', 'node_modules/.bin/cdk', ...args, '--output', folder],
    { env: { ...process.env, CI: 'false', NO_COLOR: '1' } },
  );
  const modes = await modesOfAssets(folder);
  const left = await readdir(folder);
  await rm(folder, { recursive: true });

  const removal = 'aws cloudformation delete-stack --region us-east-1 --stack-name tidegate-us-east-1';
  expect(stdout).toBe('');
  expect(stderr).toMatch(/^warning: [^\n]*\n$/u);
  expect(stderr).toContain(removal);
  // So that it is named again next time.
  expect(left).toContain('tidegate-us-east-1.template.json');
  const section = (await readFile('docs/operations.md', 'utf8')).split('### A region without clusters')[1];
  expect(section).toContain(removal);
  expect(modes).toEqual(new Set(['644']));
}, 120_000);
