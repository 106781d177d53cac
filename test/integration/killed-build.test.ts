import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { ensureClusterBinaries } from '#stand-ins/kubernetes/build-binaries.ts';
import { startFunction, type LambdaFunction } from '#stand-ins/lambda/start-function.ts';

const RENDERER = join(import.meta.dirname, '../../shared/adapters/kubectl/kubectl-renderer.ts');

/** As reconcile opens its renderer; in the middle of a build it holds the processor until its time is up. */
const HANDLER = `
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createKubectlRenderer } from ${JSON.stringify(RENDERER)};
const renderer = await createKubectlRenderer({ kubectl: process.env.KUBECTL, folder: join(tmpdir(), 'tidegate-builds') });
const files = () => readdirSync(tmpdir(), { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile()).map(({ name }) => name);
export async function handler(event) {
  if (event.do === 'look') return { left: files() };
  const bytes = Buffer.from('resources: []\\n');
  const built = renderer.build({ files: new Map([['kustomization.yaml', { bytes, executable: false }]]), path: '.', timeoutMs: 60_000 });
  if (event.do === 'hang') for (;;) { if (files().length > 0) for (;;) {} else await new Promise(setImmediate); }
  await built;
  return { left: files() };
}`;

describe('a build in an environment of Lambda', () => {
  let folder: string;
  let tried: LambdaFunction;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'killed-build-'));
    await writeFile(join(folder, 'index.mjs'), HANDLER);
    const { kubectl } = await ensureClusterBinaries();
    tried = startFunction({
      name: 'builds',
      taskRoot: folder,
      handler: 'index.handler',
      environment: { KUBECTL: kubectl },
      reserved: {},
      timeoutMs: 3_000,
      memoryMb: 512,
    });
  });
  afterAll(async () => {
    await tried?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('leaves nothing in /tmp when it is done', async () => {
    expect(await tried.invoke({ do: 'build' })).toMatchObject({ outcome: 'answered', payload: { left: [] } });
  });

  it('leaves nothing to the next one when its time is up in the middle, though Lambda does not clear /tmp', async () => {
    expect(await tried.invoke({ do: 'hang' })).toMatchObject({ outcome: 'timedOut' });

    expect(await tried.invoke({ do: 'look' })).toMatchObject({
      outcome: 'answered',
      coldStart: true,
      payload: { left: [] },
    });
  });
});
