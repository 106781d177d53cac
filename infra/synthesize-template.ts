import { App } from 'aws-cdk-lib';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';

import { eksClusters, settingsOfRegion } from '#shared/settings/eks-clusters.ts';
import type { Settings } from '#shared/settings/settings.ts';

import type { Bundles } from './bundle-functions.ts';
import { TidegateStack } from './tidegate-stack.ts';

const CdkSettings = z.object({ context: z.record(z.string(), z.unknown()) });

/** Makes the template of a region's stack, nothing else of the assembly. What the functions do is not in it. */
export async function synthesizeTemplate(settings: Settings, region: string): Promise<unknown> {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-template-'));
  try {
    return await synthesizeInto(folder, settings, region);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function synthesizeInto(folder: string, settings: Settings, region: string): Promise<unknown> {
  const code = join(folder, 'code');
  await mkdir(code);
  await writeFile(join(code, 'index.mjs'), '');
  const bundles: Bundles = {
    'github-webhook': code,
    'source-sync': code,
    'image-update': code,
    reconcile: () => code,
    notify: code,
  };
  const cdkJson = await readFile(join(import.meta.dirname, '..', 'cdk.json'), 'utf8');
  const { context } = CdkSettings.parse(JSON.parse(cdkJson));
  // Assets are not copied: the layer alone takes longer than all the rest.
  const app = new App({
    outdir: join(folder, 'cdk'),
    context: { ...context, 'aws:cdk:disable-asset-staging': true },
    autoSynth: false,
    analyticsReporting: false,
  });
  const stack = new TidegateStack(app, `tidegate-${region}`, {
    env: { region },
    settings,
    clusters: eksClusters(settingsOfRegion(settings, region)),
    bundles,
  });
  return app.synth().getStackByName(stack.stackName).template;
}
