import type { App } from 'aws-cdk-lib';
import type { CloudAssembly } from 'aws-cdk-lib/cx-api';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

import { makeReadable } from './asset-modes.ts';

/** Writes the assembly, the folders of code in it as Lambda has to find them, whatever the umask. */
export function synthesizeApp(app: App): CloudAssembly {
  const assembly = app.synth();
  for (const entry of readdirSync(assembly.directory, { withFileTypes: true })) {
    if (entry.isDirectory() && entry.name.startsWith('asset.')) makeReadable(join(assembly.directory, entry.name));
  }
  return assembly;
}
