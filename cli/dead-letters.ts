import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { systemClock } from '#shared/adapters/clock/system-clock.ts';
import { openSqliteDatabase } from '#shared/adapters/sqlite/sqlite-database.ts';
import type { DeadLetter, SqliteWorkQueues } from '#shared/adapters/sqlite/sqlite-work-queues.ts';
import { createSqliteWorkQueues } from '#shared/adapters/sqlite/sqlite-work-queues.ts';
import { formatProblem } from '#shared/common/problem.ts';

import type { CommandProcess } from './command-process.ts';
import { readSettings } from './read-settings.ts';

export interface DeadLettersOptions {
  readonly config: string;
  readonly redrive?: boolean;
  readonly drop?: boolean;
}

/** What a person can look through; the counts say how many there are besides. */
const MAX_SHOWN = 100;

/** `tidegate dead-letters`: shows, sends again or forgets what `serve` gave up; also while it runs. */
export async function deadLetters(
  options: DeadLettersOptions,
  io: Pick<CommandProcess, 'stdout' | 'stderr'>,
): Promise<number> {
  const parsed = await readSettings(options.config);
  if (parsed.outcome === 'invalid') {
    for (const problem of parsed.problems) io.stderr.write(`${formatProblem(problem)}\n`);
    return 2;
  }
  const { stateFolder } = parsed.settings.serve;
  // To look must not make what looks like an installation.
  if (!existsSync(join(stateFolder, 'tidegate.db'))) {
    io.stdout.write(`no dead letters: serve has kept nothing in ${stateFolder} yet\n`);
    return 0;
  }
  const database = openSqliteDatabase(stateFolder);
  try {
    // Nothing is received here, so nothing is given up.
    const queues = createSqliteWorkQueues(database, systemClock, { maxReceives: Infinity });
    if (options.redrive === true) io.stdout.write(`${queues.redriveDeadLetters()} sent again\n`);
    else if (options.drop === true) io.stdout.write(`${queues.dropDeadLetters()} discarded\n`);
    else io.stdout.write(describeDeadLetters(queues));
    return 0;
  } finally {
    database.close();
  }
}

function describeDeadLetters(queues: SqliteWorkQueues): string {
  const dead = queues.depths().filter((depth) => depth.deadLetters > 0);
  if (dead.length === 0) return 'no dead letters\n';
  const counts = dead.map(({ queue, deadLetters: count }) => `${queue}: ${count}\n`);
  return [...counts, ...queues.deadLetters(MAX_SHOWN).map(describeDeadLetter)].join('');
}

/** The id is the one that the log has beside `message given up`. */
function describeDeadLetter({ id, queue, group, type, receiveCount, diedAt }: DeadLetter): string {
  const when = new Date(diedAt).toISOString();
  return `  ${id}  ${when}  ${queue}  ${type} of ${group}, tried ${receiveCount} times\n`;
}
