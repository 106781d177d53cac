import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';

import { parseSemverRange } from '#shared/images/semver-range.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const Lockfile = z.looseObject({
  packages: z.record(
    z.string(),
    z.looseObject({
      deprecated: z.string().optional(),
      engines: z.union([z.looseObject({ node: z.string().optional() }), z.array(z.string())]).optional(),
    }),
  ),
});

describe('npm ci', () => {
  it('says nothing, on the Node that a person has before the checkout brings one', async () => {
    const folders = (process.env['PATH'] ?? '').split(delimiter).filter((path) => !path.includes('node_modules'));
    const npm = folders.map((path) => join(path, 'npm')).find((path) => existsSync(path)) ?? 'npm';
    const env = { ...process.env, PATH: folders.join(delimiter), npm_config_loglevel: undefined };

    const { stderr } = await run(npm, ['ci', '--dry-run', '--offline'], { cwd: root, env, maxBuffer: 1024 * 1024 });

    expect(stderr).toBe('');
  });

  it('installs nothing that its authors gave up', () => {
    expect(readPackages().filter(([, { deprecated }]) => deprecated !== undefined)).toEqual([]);
  });

  it('installs nothing that wants a newer Node than 20, but what only runs on the Node that the checkout brings', () => {
    const tooNew = readPackages().filter(([, { engines }]) => {
      const range = Array.isArray(engines) ? undefined : engines?.node;
      return range !== undefined && !parseSemverRange(range).matches('20.19.0');
    });

    expect(tooNew.map(([path]) => path.replace('node_modules/', ''))).toEqual(['content-type', 'graphql', 'undici']);
  });
});

function readPackages() {
  const { packages } = Lockfile.parse(JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')));
  return Object.entries(packages);
}
