import type { Clock } from '#shared/ports/clock.ts';
import type { Secrets } from '#shared/ports/secrets.ts';

const FRESH_MS = 5 * 60_000;
/** How soon the source is asked again for a value that did not do, is missing, or could not be read. */
const PAUSE_MS = 30_000;
/** How soon the source is asked again for a value that did not do, when it did not answer the last time. */
const RETRY_MS = 2_000;
/** How long a value serves while the source does not answer. */
const STALE_MS = 60 * 60_000;

interface Entry {
  readonly value: string | undefined;
  readonly readAt: number;
  /** When the source was last asked, whatever it answered. */
  readonly askedAt: number;
  /** When it was last asked because the value did not do. */
  readonly renewedAt: number;
  /** Why the source did not answer then. */
  readonly failure?: { readonly cause: unknown };
}

/**
 * Keeps secrets for five minutes. A reader for whom the value did not do gets a new one, at most one every 30 seconds,
 * so that a rotation is seen at once, however lately the value was read, and nobody's junk becomes a call to the source.
 * While the source does not answer, the last value serves for an hour; but not those for whom it did not do: whether there
 * is a newer one, nobody can tell them then.
 */
export function cacheSecrets(source: Secrets, clock: Pick<Clock, 'now'>): Secrets {
  const entries = new Map<string, Entry>();
  const pending = new Map<string, Promise<string | undefined>>();

  async function ask(name: string, renewed: boolean): Promise<string | undefined> {
    const askedAt = clock.now();
    const known = entries.get(name);
    try {
      const value = await source.read(name);
      const renewedAt = renewed ? askedAt : (known?.renewedAt ?? -Infinity);
      entries.set(name, { value, readAt: askedAt, askedAt, renewedAt });
      return value;
    } catch (cause) {
      if (known?.value !== undefined) entries.set(name, { ...known, askedAt, failure: { cause } });
      throw cause;
    }
  }

  /** The value that serves a reader without the source being asked. */
  function findKnown(entry: Entry, renewed: boolean): { readonly value: string | undefined } | undefined {
    const now = clock.now();
    const { value, askedAt, renewedAt, failure } = entry;
    if (failure !== undefined) {
      if (renewed && now - askedAt < RETRY_MS) throw failure.cause;
      return !renewed && now - askedAt < PAUSE_MS && now - entry.readAt < STALE_MS ? { value } : undefined;
    }
    const since = renewed && value !== undefined ? renewedAt : askedAt;
    return now - since < (renewed || value === undefined ? PAUSE_MS : FRESH_MS) ? { value } : undefined;
  }

  return {
    read: async (name, { renewed = false } = {}) => {
      const entry = entries.get(name);
      const known = entry === undefined ? undefined : findKnown(entry, renewed);
      if (known !== undefined) return known.value;
      const asked = pending.get(name) ?? ask(name, renewed).finally(() => pending.delete(name));
      pending.set(name, asked);
      try {
        return await asked;
      } catch (error) {
        if (renewed || entry?.value === undefined || clock.now() - entry.readAt >= STALE_MS) throw error;
        return entry.value;
      }
    },
  };
}
