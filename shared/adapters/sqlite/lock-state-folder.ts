import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import { makeFolder } from '#shared/adapters/folder/make-folder.ts';
import { describeError, TidegateError } from '#shared/common/tidegate-error.ts';

/** A held lock on a state folder. */
export interface StateFolderLock {
  release(): void;
}

/**
 * Makes this process the only one that works on a state folder. The lock is the operating system's, on a database of
 * its own: a killed process leaves none behind, and no process id is mistaken for another.
 * @throws TidegateError `StateFolderLocked` (stall) naming the process that holds it, or `StateFolderUnusable` (stall).
 */
export function lockStateFolder(folder: string): StateFolderLock {
  const note = join(folder, 'lock.pid');
  let connection: DatabaseSync | undefined;
  try {
    makeFolder(folder, 0o700);
    connection = new DatabaseSync(join(folder, 'lock.db'), { timeout: 0 });
    connection.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE;');
    writeFileSync(note, `${process.pid}\n`);
  } catch (error) {
    connection?.close();
    throw isBusy(error) ? locked(folder, note, error) : unusable(folder, error);
  }
  const held = connection;
  return {
    release: () => {
      if (!held.isOpen) return;
      rmSync(note, { force: true });
      held.close();
    },
  };
}

/** SQLite's own word for a lock that another connection holds. */
const SQLITE_BUSY = 5;

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && Number(error.errcode) % 256 === SQLITE_BUSY;
}

function locked(folder: string, note: string, cause: unknown): TidegateError {
  return new TidegateError(
    'StateFolderLocked',
    `state folder ${folder} is in use by another tidegate (process ${readNote(note)}): stop it, or set serve.stateFolder to another folder`,
    { disposition: 'stall', subject: folder, cause },
  );
}

function unusable(folder: string, cause: unknown): TidegateError {
  return new TidegateError(
    'StateFolderUnusable',
    `state folder ${folder} cannot be used (${describeError(cause)}): make it writable and leave room on its disk, or set serve.stateFolder to another folder`,
    { disposition: 'stall', subject: folder, cause },
  );
}

function readNote(file: string): string {
  try {
    return /^\d+/u.exec(readFileSync(file, 'utf8'))?.[0] ?? 'unknown';
  } catch {
    return 'unknown';
  }
}
