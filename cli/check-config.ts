import type { Problem } from '#shared/common/problem.ts';
import { formatProblem } from '#shared/common/problem.ts';
import { eksClusters } from '#shared/settings/eks-clusters.ts';
import { findUndeployableSettings } from '#shared/settings/find-undeployable-settings.ts';
import { openSettingsText } from '#shared/settings/settings-places.ts';
import type { Settings } from '#shared/settings/settings.ts';

import type { CommandProcess } from './command-process.ts';
import { readSettings } from './read-settings.ts';

export interface CheckConfigOptions {
  readonly config: string;
  readonly json?: boolean;
  /** Nothing but the file. */
  readonly fileOnly?: boolean;
  /** GitHub and the clusters too. */
  readonly online?: boolean;
}

/** `tidegate check-config`: 0 when the settings are right, 2 when they are not. */
export async function checkConfig(
  options: CheckConfigOptions,
  io: Pick<CommandProcess, 'stdout' | 'stderr'>,
): Promise<number> {
  const { config: file } = options;
  const parsed = await readSettings(file);
  const { problems, seen } =
    parsed.outcome === 'valid'
      ? await findProblems(parsed.settings, parsed.text, options)
      : { problems: parsed.problems, seen: [] };
  const valid = problems.length === 0;
  if (options.json === true) {
    io.stdout.write(`${JSON.stringify({ valid, problems, seen }, null, 2)}\n`);
  } else {
    if (valid) io.stdout.write(`${file} is valid\n`);
    for (const line of seen) io.stdout.write(`${line}\n`);
    for (const problem of problems) io.stderr.write(`${formatProblem(problem)}\n`);
  }
  return valid ? 0 : 2;
}

async function findProblems(
  settings: Settings,
  text: string,
  { config: file, fileOnly = false, online = false }: CheckConfigOptions,
): Promise<{ readonly problems: readonly Problem[]; readonly seen: readonly string[] }> {
  const { placeAll } = openSettingsText(text, file);
  const findings = eksClusters(settings).length > 0 ? [...findUndeployableSettings(settings)] : [];
  if (fileOnly) return { problems: placeAll(findings), seen: [] };
  // Loaded when needed: the SDKs take longer to read than all of this.
  const { findFoldersNotBeside, findMachineProblems } = await import('./find-machine-problems.ts');
  findings.push(...findFoldersNotBeside(settings, file), ...(await findMachineProblems(settings)));
  if (!online) return { problems: placeAll(findings), seen: [] };
  const { inspectOnline } = await import('./inspect-online.ts');
  const inspection = await inspectOnline(settings);
  return { problems: placeAll([...findings, ...inspection.findings]), seen: inspection.seen };
}
