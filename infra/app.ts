import { App } from 'aws-cdk-lib';

import { buildApp } from './build-app.ts';
import { bundleFunctions } from './bundle-functions.ts';
import { findAbandonedStacks, readFormerStacks } from './find-abandoned-stacks.ts';
import { readInstallation } from './read-installation.ts';
import { synthesizeApp } from './synthesize-app.ts';

const app = new App({ analyticsReporting: false });
const file: unknown = app.node.tryGetContext('settings');
try {
  const installation = await readInstallation(typeof file === 'string' ? file : 'tidegate.yaml');
  for (const warning of findAbandonedStacks(await readFormerStacks(app.outdir), installation.settings)) {
    process.stderr.write(`warning: ${warning}\n`);
  }
  buildApp(app, installation.settings, await bundleFunctions({ installation }), Date.now());
  synthesizeApp(app);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
