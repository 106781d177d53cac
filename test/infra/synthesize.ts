import { App } from 'aws-cdk-lib';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

import { buildApp } from '#infra/build-app.ts';
import type { Bundles } from '#infra/bundle-functions.ts';
import { bundleFunctions } from '#infra/bundle-functions.ts';
import { readInstallation } from '#infra/read-installation.ts';
import { synthesizeApp } from '#infra/synthesize-app.ts';

const CdkSettings = z.object({ context: z.record(z.string(), z.unknown()) });

const Resource = z.looseObject({
  Type: z.string(),
  Properties: z.record(z.string(), z.unknown()).default({}),
  Metadata: z.record(z.string(), z.unknown()).optional(),
});
export const Template = z.looseObject({ Resources: z.record(z.string(), Resource) });
export type Template = z.infer<typeof Template>;
export type Resource = z.infer<typeof Resource>;

export interface Synthesized {
  readonly template: Template;
  readonly templateFile: string;
  readonly stackName: string;
  /** The folder with the template and its assets. */
  readonly assembly: string;
  readonly bundles: Bundles;
}

/** The settings that the documentation begins with. */
export const EXAMPLE_SETTINGS = 'examples/aws/tidegate.yaml';

/** Makes the template of the settings as `cdk synth` would; the folder is the caller's to remove. */
export async function synthesize(settingsFile: string, folder: string): Promise<Synthesized> {
  const installation = await readInstallation(settingsFile);
  const bundles = await bundleFunctions({ installation, folder: join(folder, 'functions') });
  const { context } = CdkSettings.parse(JSON.parse(await readFile('cdk.json', 'utf8')));
  const assembly = join(folder, 'cdk');
  const app = new App({ outdir: assembly, context, autoSynth: false, analyticsReporting: false });
  buildApp(app, installation.settings, bundles, Date.now());
  const stackName = 'tidegate-eu-west-1';
  const stack = synthesizeApp(app).getStackByName(stackName);
  return {
    template: Template.parse(stack.template),
    templateFile: stack.templateFullPath,
    stackName,
    assembly,
    bundles,
  };
}

/** The resources of one type, by their logical id. */
export function resourcesOf(template: Template, type: string): readonly (readonly [string, Resource])[] {
  return Object.entries(template.Resources).filter(([, resource]) => resource.Type === type);
}
