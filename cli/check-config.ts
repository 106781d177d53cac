import { formatProblem } from '#shared/errors/problem.ts';
import { readSettings } from './read-settings.ts';
import type { CommandProcess } from './command-process.ts';

/** `tidegate check-config`: 0 when the settings are right, 2 when they are not. */
export async function checkConfig(
  options: { readonly config: string; readonly json?: boolean },
  io: Pick<CommandProcess, 'stdout' | 'stderr'>,
): Promise<number> {
  const parsed = await readSettings(options.config);
  const problems = parsed.outcome === 'valid' ? [] : parsed.problems;
  if (options.json === true)
    io.stdout.write(`${JSON.stringify({ valid: problems.length === 0, problems }, null, 2)}\n`);
  else if (problems.length === 0) io.stdout.write(`${options.config} is right\n`);
  else for (const problem of problems) io.stderr.write(`${formatProblem(problem)}\n`);
  return problems.length === 0 ? 0 : 2;
}
