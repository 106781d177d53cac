import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { formatProblem } from '#shared/common/problem.ts';
import { TidegateError } from '#shared/common/tidegate-error.ts';
import { settingsOfRegion } from '#shared/settings/eks-clusters.ts';
import { parseSettings } from '#shared/settings/parse-settings.ts';
import type { Settings } from '#shared/settings/settings.ts';

/**
 * Reads the `tidegate.yaml` that was deployed beside the function's code, as its region sees it.
 * @throws TidegateError `SettingsInvalid` (stall); the stack refuses such settings before it deploys them.
 */
export async function readDeployedSettings(folder: string, region: string): Promise<Settings> {
  const file = 'tidegate.yaml';
  const parsed = parseSettings(await readFile(join(folder, file), 'utf8'), file);
  if (parsed.outcome === 'valid') return settingsOfRegion(parsed.settings, region);
  throw new TidegateError('SettingsInvalid', parsed.problems.map(formatProblem).join('; '), { disposition: 'stall' });
}
