import { writeFileSync } from 'node:fs';
import { lstat, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { guard } from './guard.ts';

/** What Lambda gives a function as `/tmp` where the template says nothing. */
const EPHEMERAL_STORAGE_MB = 512;

/**
 * The disk of one execution environment. It outlives the process: after a crash or a timeout Lambda starts another one
 * beside it, and does not clear `/tmp` ("Understanding the Lambda execution environment lifecycle").
 */
export interface EnvironmentDisk {
  /** What belongs to the runtime. */
  readonly runtime: string;
  /** The function's own `/tmp`. */
  readonly tmp: string;
  /** Names the process that lives on it: however ours ends, it and all that it started end too. */
  setProcess(pid: number | 'gone'): void;
  /** What lies in `/tmp` where it is more than fits; undefined where it fits. */
  explainOverflow(): Promise<string | undefined>;
  /** The environment is given up, and its disk with it. */
  discard(): Promise<void>;
}

/** Makes an empty one; it goes with this process, however that ends. */
export async function openDisk(name: string, storageMb: number = EPHEMERAL_STORAGE_MB): Promise<EnvironmentDisk> {
  const folder = await mkdtemp(join(tmpdir(), `lambda-${name}-`));
  // One shell for process and folder: there is one for every environment.
  const release = guard('test -s "$1/pid" && kill -s KILL -- "-$(cat "$1/pid")"; rm -rf -- "$1"', folder);
  const [runtime, tmp] = [join(folder, 'runtime'), join(folder, 'tmp')];
  await Promise.all([mkdir(runtime), mkdir(tmp)]);
  return {
    runtime,
    tmp,
    setProcess: (pid) => writeFileSync(join(folder, 'pid'), pid === 'gone' ? '' : `${pid}`),
    explainOverflow: async () => {
      const bytes = await sizeOf(tmp);
      if (bytes <= storageMb * 1024 * 1024) return undefined;
      return `/tmp holds ${Math.ceil(bytes / 1024 / 1024)} MB: ${storageMb} MB fit`;
    },
    discard: async () => {
      await rm(folder, { recursive: true, force: true });
      release();
    },
  };
}

async function sizeOf(folder: string): Promise<number> {
  // The environment may be given up meanwhile.
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const sizes = await Promise.all(
    entries
      .filter((entry) => entry.isFile())
      .map(async (entry) => {
        // What a process that still runs deletes meanwhile takes no room.
        const stats = await lstat(join(entry.parentPath, entry.name)).catch(() => undefined);
        return (stats?.blocks ?? 0) * 512;
      }),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
