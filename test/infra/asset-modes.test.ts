import { App, Duration, Stack } from 'aws-cdk-lib';
import { chmod, mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';

import { hashWithModes, makeReadable } from '#infra/asset-modes.ts';
import { bundleFunctions } from '#infra/bundle-functions.ts';
import { TidegateFunction } from '#infra/constructs/tidegate-function.ts';
import { readInstallation } from '#infra/read-installation.ts';
import { synthesizeApp } from '#infra/synthesize-app.ts';
import { makeTemporaryFolder } from '#test/make-temporary-folder.ts';

import { EXAMPLE_SETTINGS } from './synthesize.ts';

const before = process.umask();
afterEach(() => process.umask(before));

/** The modes of the folders of code in an assembly, and of all files in them. */
async function modesIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const modes = entries
    .filter(({ name, parentPath }) =>
      join(parentPath, name)
        .slice(folder.length + 1)
        .startsWith('asset.'),
    )
    .map(async (entry) => {
      const { mode } = await stat(join(entry.parentPath, entry.name));
      return `${entry.isDirectory() ? 'folder' : 'file'} ${(mode & 0o777).toString(8)}`;
    });
  return [...new Set(await Promise.all(modes))].toSorted();
}

interface Assembled {
  readonly worker: TidegateFunction;
  readonly assetNames: Promise<readonly string[]>;
}

function assemble(bundle: string, outdir: string): Assembled {
  const app = new App({ outdir, autoSynth: false, analyticsReporting: false });
  const stack = new Stack(app, 'One');
  const settings = { description: 'd', environment: {}, timeout: Duration.seconds(1), memorySize: 128 };
  const worker = new TidegateFunction(stack, 'Worker', { ...settings, bundle });
  synthesizeApp(app);
  const names = readdir(outdir).then((all) => all.filter((name) => name.startsWith('asset.')));
  return { worker, assetNames: names };
}

describe('the code of a function', () => {
  it.each(['077', '027'])('can be read by Lambda after umask %s', { timeout: 180_000 }, async (umask) => {
    process.umask(umask);
    const folder = makeTemporaryFolder('modes');
    const bundles = await bundleFunctions({
      installation: await readInstallation(EXAMPLE_SETTINGS),
      folder: join(folder, 'functions'),
    });
    const assembly = join(folder, 'cdk');

    const { assetNames } = assemble(bundles['source-sync'], assembly);

    expect(await assetNames).toHaveLength(1);
    expect(await modesIn(assembly)).toEqual(['file 644', 'folder 755']);
  });

  it('is another asset when its modes were others, so that a deployment mends one that could not be read', async () => {
    const folder = makeTemporaryFolder('modes');
    const code = join(folder, 'code');
    await mkdir(code);
    await writeFile(join(code, 'index.mjs'), 'export const handler = () => {};\n');
    const names: string[] = [];
    for (const [index, mode] of [0o600, 0o644, 0o644].entries()) {
      await chmod(join(code, 'index.mjs'), mode);
      names.push(...(await assemble(code, join(folder, `cdk-${index}`)).assetNames));
    }

    expect(new Set(names).size).toBe(2);
    expect(names[1]).toBe(names[2]);
  });

  it('keeps what is executable so, in folders of any depth', async () => {
    process.umask(0o077);
    const folder = makeTemporaryFolder('modes');
    await mkdir(join(folder, 'asset.a', 'bin'), { recursive: true });
    await writeFile(join(folder, 'asset.a', 'bin', 'tool'), '#!/bin/sh\n', { mode: 0o700 });
    await writeFile(join(folder, 'asset.a', 'index.mjs'), '');
    const hash = hashWithModes(folder);

    makeReadable(folder);

    expect(await modesIn(folder)).toEqual(['file 644', 'file 755', 'folder 755']);
    expect(hashWithModes(folder)).not.toBe(hash);
  });
});
