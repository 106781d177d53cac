import { statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import type { Problem } from '#shared/common/problem.ts';
import { formatProblem } from '#shared/common/problem.ts';
import { TidegateError } from '#shared/common/tidegate-error.ts';
import { findMissingFolders } from '#shared/settings/find-missing-folders.ts';
import { findUndeployableSettings } from '#shared/settings/find-undeployable-settings.ts';
import { parseSettings } from '#shared/settings/parse-settings.ts';
import { openSettingsText } from '#shared/settings/settings-places.ts';
import type { Settings } from '#shared/settings/settings.ts';

/** What is deployed: the settings, and the text that goes along with the functions. */
export interface Installation {
  readonly settings: Settings;
  readonly text: string;
}

/**
 * Reads `tidegate.yaml` for `cdk synth`.
 * @throws TidegateError `SettingsInvalid` (stall) with every problem, each with file and line.
 */
export async function readInstallation(file: string): Promise<Installation> {
  const text = await readText(file);
  const parsed = parseSettings(text, file);
  const problems = parsed.outcome === 'invalid' ? parsed.problems : findProblems(parsed.settings, text, file);
  if (parsed.outcome === 'valid' && problems.length === 0) return { settings: parsed.settings, text };
  throw new TidegateError('SettingsInvalid', problems.map(formatProblem).join('\n'), { disposition: 'stall' });
}

function findProblems(settings: Settings, text: string, file: string): readonly Problem[] {
  const folder = dirname(file);
  const findings = [
    ...findUndeployableSettings(settings),
    ...findMissingFolders(
      settings,
      (path) => statSync(join(folder, path), { throwIfNoEntry: false })?.isDirectory() === true,
    ),
  ];
  return openSettingsText(text, file).placeAll(findings);
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new TidegateError(
      'SettingsMissing',
      `${file} cannot be read; write it, or name another file: cdk synth -c settings=<file>`,
      { disposition: 'stall', cause },
    );
  }
}
