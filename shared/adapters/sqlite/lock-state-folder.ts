import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { TidegateError } from '#shared/errors/tidegate-error.ts';

/** A held lock on a state folder. */
export interface StateFolderLock {
  release(): void;
}

/**
 * Makes this process the only one that works on a state folder. The lock is the operating system's, on a database of
 * its own: a killed process leaves none behind, and no process id is mistaken for another.
 * @throws TidegateError `StateFolderLocked` (stall) naming the process that holds it.
 */
export function lockStateFolder(folder: string): StateFolderLock {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const note = join(folder, 'lock.pid');
  const connection = new DatabaseSync(join(folder, 'lock.db'), { timeout: 0 });
  try {
    connection.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE;');
  } catch (error) {
    connection.close();
    throw new TidegateError(
      'StateFolderLocked',
      `state folder ${folder} is in use by another tidegate (process ${readNote(note)}): stop it, or set serve.stateFolder to another folder`,
      { disposition: 'stall', subject: folder, cause: error },
    );
  }
  writeFileSync(note, `${process.pid}\n`);
  return {
    release: () => {
      if (!connection.isOpen) return;
      rmSync(note, { force: true });
      connection.close();
    },
  };
}

function readNote(file: string): string {
  try {
    return /^\d+/u.exec(readFileSync(file, 'utf8'))?.[0] ?? 'unknown';
  } catch {
    return 'unknown';
  }
}
