import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { link, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

import { isAlive } from '#stand-ins/kubernetes/is-alive.ts';

const HEARTBEAT_MS = 2_000;
// An owner that has not touched its lock for this long is gone, even if its process id was given to somebody else.
const STALE_AFTER_MS = 60_000;

/** A lock that lets one process of this machine build while others wait. */
export interface BuildLock {
  readonly path: string;
  /** What the lock stands for, as a waiting process tells it. */
  readonly waitingFor: string;
  readonly progress: (line: string) => void;
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

function isTaken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EEXIST';
}

async function tryLock(path: string): Promise<boolean> {
  // Linking a finished file makes name and content appear together: nobody ever reads a lock without an owner.
  const candidate = `${path}.${randomUUID()}`;
  await writeFile(candidate, `${process.pid}\n`);
  try {
    await link(candidate, path);
    return true;
  } catch (error) {
    if (isTaken(error)) return false;
    throw error;
  } finally {
    await rm(candidate, { force: true });
  }
}

async function findOwner(path: string): Promise<{ readonly pid: number; readonly alive: boolean } | undefined> {
  try {
    const pid = Number((await readFile(path, 'utf8')).trim());
    const { mtimeMs } = await stat(path);
    return { pid, alive: isAlive(pid) && Date.now() - mtimeMs < STALE_AFTER_MS };
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function removeLockOf(pid: number, path: string): Promise<void> {
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
    const moved = Number((await readFile(aside, 'utf8')).trim());
    // Somebody else was faster and this is the lock of a living owner: it goes back.
    if (moved !== pid) await link(aside, path).catch(() => {});
  } catch (error) {
    if (!isMissing(error)) throw error;
  } finally {
    await rm(aside, { force: true });
  }
}

const held = new Set<string>();

function removeHeldLocks(): void {
  for (const path of held) rmSync(path, { force: true });
}

function exitWhenNobodyElseListens(signal: NodeJS.Signals): void {
  if (process.listenerCount(signal) === 1) process.exit(signal === 'SIGINT' ? 130 : 143);
}

/** Sees to it that the lock goes however this process ends, except by SIGKILL: that lock is taken over from the dead. */
function hold(path: string): void {
  if (held.size === 0) {
    process.on('exit', removeHeldLocks);
    process.on('SIGINT', exitWhenNobodyElseListens).on('SIGTERM', exitWhenNobodyElseListens);
  }
  held.add(path);
}

async function release(path: string): Promise<void> {
  await rm(path, { force: true });
  held.delete(path);
  if (held.size > 0) return;
  process.off('exit', removeHeldLocks);
  process.off('SIGINT', exitWhenNobodyElseListens).off('SIGTERM', exitWhenNobodyElseListens);
}

/** Does `work` while no other process of this machine does work under the same lock. */
export async function withBuildLock<T>(lock: BuildLock, work: () => Promise<T>): Promise<T> {
  let told = 0;
  while (!(await tryLock(lock.path))) {
    const owner = await findOwner(lock.path);
    if (owner?.alive === false) {
      await removeLockOf(owner.pid, lock.path);
      continue;
    }
    if (owner !== undefined && Date.now() - told > 10_000) {
      lock.progress(`waiting for ${lock.waitingFor} by process ${owner.pid}`);
      told = Date.now();
    }
    await sleep(200);
  }
  hold(lock.path);
  const heartbeat = setInterval(() => {
    const now = new Date();
    utimes(lock.path, now, now).catch(() => {});
  }, HEARTBEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
    await release(lock.path);
  }
}
