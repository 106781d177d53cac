import { randomUUID } from 'node:crypto';
import { join } from 'node:path';

import type { HeldLease } from '#functions/reconcile/handler.ts';
import { acquireClusterLease } from '#shared/engine/lease/cluster-lease.ts';
import type { Clock } from '#shared/ports/clock.ts';
import type { KubernetesApi } from '#shared/ports/kubernetes-api.ts';

import { readNote, writeNote } from './state-folder-note.ts';

/** Longer than a lease lasts, so that the run after a killed one of another installation gets its turn. */
const PATIENCE_MS = 30_000;

/** Takes the leases of one state folder's server. */
export interface LeaseHolder {
  acquire(api: KubernetesApi): Promise<HeldLease | undefined>;
  /** After this the next server is somebody else, if a run of this one may still be going on. */
  retire(): Promise<void>;
}

/**
 * One name for all servers of a state folder, one after another: the folder's lock makes sure that the one before is
 * gone, so its lease is taken again at once after it was killed. The server of a copy of the folder is another one.
 */
export async function openLeaseHolder(stateFolder: string, clock: Clock): Promise<LeaseHolder> {
  const file = join(stateFolder, 'holder');
  const holder = (await readHolder(file)) ?? (await renew(file));
  let held = 0;
  return {
    acquire: async (api) => {
      const lease = await acquireClusterLease(api, clock, { holder, giveUpAt: clock.now() + PATIENCE_MS });
      if (lease === undefined) return undefined;
      held += 1;
      return {
        holds: () => lease.holds(),
        release: async () => {
          held -= 1;
          await lease.release();
        },
      };
    },
    retire: async () => {
      if (held > 0) await renew(file);
    },
  };
}

async function readHolder(file: string): Promise<string | undefined> {
  return /^serve-[0-9a-f-]{36}$/u.exec((await readNote(file)) ?? '')?.[0];
}

async function renew(file: string): Promise<string> {
  const holder = `serve-${randomUUID()}`;
  await writeNote(file, holder);
  return holder;
}
