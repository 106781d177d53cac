import { randomInt } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { removeAtExit } from '#stand-ins/build/remove-at-exit.ts';

import { isAlive } from './is-alive.ts';

// Below the ports that kernels hand out for outgoing connections, so that none of those takes a port between choice and use.
const LOWEST = 20_000;
const HIGHEST = 30_000;

/** Ports on the loopback address that no other process of ours will choose until they are released. */
export interface ReservedPorts {
  readonly ports: readonly number[];
  /** The claims on disk, which have to go with whoever uses the ports. */
  readonly claims: readonly string[];
  release(): Promise<void>;
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}

async function claim(file: string): Promise<boolean> {
  try {
    await writeFile(file, `${process.pid}`, { flag: 'wx' });
    return true;
  } catch {
    const owner = Number(await readFile(file, 'utf8').catch(() => ''));
    // The claim of a dead process is removed for whoever draws this port next; this draw goes on to another.
    if (owner > 0 && !isAlive(owner)) await rm(file, { force: true });
    return false;
  }
}

/**
 * Reserves `count` free loopback ports against every other process that reserves ports this way.
 * With a folder for temporary files of one's own, `TIDEGATE_PORTS` names the folder that all of them share.
 */
export async function reservePorts(count: number): Promise<ReservedPorts> {
  const folder = process.env['TIDEGATE_PORTS'] ?? join(tmpdir(), 'tidegate-ports');
  await mkdir(folder, { recursive: true });
  const ports: number[] = [];
  const files: string[] = [];
  const released: (() => void)[] = [];
  for (let draws = 0; ports.length < count; draws += 1) {
    if (draws > 1_000) throw new Error(`no ${count} free ports on 127.0.0.1 between ${LOWEST} and ${HIGHEST}`);
    const port = randomInt(LOWEST, HIGHEST);
    const file = join(folder, String(port));
    if (!(await claim(file))) continue;
    if (await canListen(port)) {
      ports.push(port);
      files.push(file);
      released.push(removeAtExit(file));
    } else {
      await rm(file, { force: true });
    }
  }
  return {
    ports,
    claims: files,
    release: async () => {
      await Promise.all(files.map((file) => rm(file, { force: true })));
      for (const release of released) release();
    },
  };
}
