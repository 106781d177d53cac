import type { CommandProcess } from './command-process.ts';

/** Says what keeps a command from changing the settings: each problem on a line, or all as JSON. */
export function reportRefusal(
  problems: readonly string[],
  { json = false }: { readonly json?: boolean },
  io: Pick<CommandProcess, 'stdout' | 'stderr'>,
): void {
  if (json) io.stdout.write(`${JSON.stringify({ written: false, problems }, null, 2)}\n`);
  else for (const problem of problems) io.stderr.write(`tidegate: ${problem}\n`);
}
