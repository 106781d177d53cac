import { systemClock } from '#shared/adapters/clock/system-clock.ts';
import { openSqliteDatabase } from '#shared/adapters/sqlite/sqlite-database.ts';
import { createSqliteWorkQueues } from '#shared/adapters/sqlite/sqlite-work-queues.ts';
import { formatProblem } from '#shared/errors/problem.ts';
import type { CommandProcess } from './command-process.ts';
import { readSettings } from './read-settings.ts';

export interface DeadLettersOptions {
  readonly config: string;
  readonly redrive?: boolean;
  readonly drop?: boolean;
}

/** `tidegate dead-letters`: counts, sends again or forgets what `serve` gave up; also while it runs. */
export async function deadLetters(
  options: DeadLettersOptions,
  io: Pick<CommandProcess, 'stdout' | 'stderr'>,
): Promise<number> {
  const parsed = await readSettings(options.config);
  if (parsed.outcome === 'invalid') {
    for (const problem of parsed.problems) io.stderr.write(`${formatProblem(problem)}\n`);
    return 2;
  }
  const database = openSqliteDatabase(parsed.settings.serve.stateFolder);
  try {
    // Nothing is received here, so nothing is given up.
    const queues = createSqliteWorkQueues(database, systemClock, { maxReceives: Infinity });
    if (options.redrive === true) io.stdout.write(`${queues.redriveDeadLetters()} sent again\n`);
    else if (options.drop === true) io.stdout.write(`${queues.dropDeadLetters()} forgotten\n`);
    else {
      const dead = queues.depths().filter((depth) => depth.deadLetters > 0);
      for (const { queue, deadLetters: count } of dead) io.stdout.write(`${queue}: ${count}\n`);
      if (dead.length === 0) io.stdout.write('no dead letters\n');
    }
    return 0;
  } finally {
    database.close();
  }
}
