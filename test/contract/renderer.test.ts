import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { createKubectlRenderer } from '#shared/adapters/kubectl/kubectl-renderer.ts';
import { ensureClusterBinaries } from '#stand-ins/kubernetes/build-binaries.ts';

import { describeRenderer } from './renderer.contract.ts';

describeRenderer('kubectl', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-test-'));
  const { kubectl } = await ensureClusterBinaries();
  const maxOutputBytes = 10_000;
  return {
    renderer: await createKubectlRenderer({ kubectl, folder }),
    narrow: { renderer: await createKubectlRenderer({ kubectl, folder, maxOutputBytes }), maxOutputBytes },
    leftovers: () => readdir(folder),
    close: () => rm(folder, { recursive: true, force: true }),
  };
});

describe('finding kubectl', () => {
  it('knows the version of its kustomize', async () => {
    const { kubectl } = await ensureClusterBinaries();

    expect((await createKubectlRenderer({ kubectl })).version).toMatch(/^kustomize v5\./);
  });

  it('says how to go on when there is none', async () => {
    await expect(createKubectlRenderer({ kubectl: '/nowhere/kubectl' })).rejects.toMatchObject({
      code: 'RendererUnavailable',
      message: expect.stringMatching(
        /^kubectl at \/nowhere\/kubectl cannot be started .*; install kubectl or set its path$/,
      ),
    });
  });

  it.each([
    ['an old one', '{"kustomizeVersion":"v4.5.7"}', 'has kustomize v4.5.7; version 5 or newer is needed'],
    ['something else', 'hello', 'says no version of kustomize; version 5 or newer is needed'],
  ])('refuses %s', async (_, output, message) => {
    const folder = await mkdtemp(join(tmpdir(), 'tidegate-test-'));
    const kubectl = join(folder, 'kubectl');
    await writeFile(kubectl, `#!/bin/sh\necho '${output}'\n`);
    await chmod(kubectl, 0o755);
    try {
      await expect(createKubectlRenderer({ kubectl })).rejects.toThrow(message);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
