import type { Clock } from '#shared/ports/clock.ts';
import type { Secrets } from '#shared/ports/secrets.ts';

const FRESH_MS = 5 * 60_000;
/** How soon the source is asked again for a value that did not do, is missing, or could not be read. */
const PAUSE_MS = 30_000;
/** How long a value serves while the source does not answer. */
const STALE_MS = 60 * 60_000;

interface Entry {
  readonly value: string | undefined;
  readonly readAt: number;
  /** When the source was last asked, whatever it answered. */
  readonly askedAt: number;
  /** When it was last asked because the value did not do. */
  readonly renewedAt: number;
  /** The source did not answer then. */
  readonly isStale: boolean;
}

/**
 * Keeps secrets for five minutes. A reader for whom the value did not do gets a new one, at most one every 30 seconds,
 * so that a rotation is seen at once, however lately the value was read, and nobody's junk becomes a call to the source.
 * While the source does not answer, the last value serves for an hour.
 */
export function cacheSecrets(source: Secrets, clock: Pick<Clock, 'now'>): Secrets {
  const entries = new Map<string, Entry>();
  const pending = new Map<string, Promise<string | undefined>>();

  async function ask(name: string, renewed: boolean): Promise<string | undefined> {
    const askedAt = clock.now();
    const known = entries.get(name);
    const renewedAt = renewed ? askedAt : (known?.renewedAt ?? -Infinity);
    try {
      const value = await source.read(name);
      entries.set(name, { value, readAt: askedAt, askedAt, renewedAt, isStale: false });
      return value;
    } catch (error) {
      if (known?.value === undefined || askedAt - known.readAt >= STALE_MS) throw error;
      entries.set(name, { ...known, askedAt, renewedAt, isStale: true });
      return known.value;
    }
  }

  return {
    read: async (name, { renewed = false } = {}) => {
      const entry = entries.get(name);
      if (entry !== undefined) {
        const isWanting = entry.isStale || entry.value === undefined;
        const since = renewed && !isWanting ? entry.renewedAt : entry.askedAt;
        if (clock.now() - since < (renewed || isWanting ? PAUSE_MS : FRESH_MS)) return entry.value;
      }
      const asked = pending.get(name) ?? ask(name, renewed).finally(() => pending.delete(name));
      pending.set(name, asked);
      return asked;
    },
  };
}
