import type { Clock } from '#shared/ports/clock.ts';
import type { Journal } from '#shared/ports/journal.ts';
import type { QuietTime, QuietTimes } from '#shared/ports/quiet-times.ts';
import { QUIET_TIMES_PREFIX, quietTimeKey, type QuietTimeRecord } from '#shared/records/journal-record.ts';
import { INSTALLATION_PARTITION } from '#shared/work/installation-partition.ts';

/** How long a process believes that it may ask: for so long, a limit that another one met is not known here. */
const BELIEVE_MS = 5_000;
/** A limit without an end doubles each time that it is met again, up to this. */
const LONGEST_GUESS_MS = 60 * 60_000;
/** What a token's requests are counted for, whatever repository they are about. */
const TOKEN = 'token';

/** Keeps quiet times in the journal, where the other processes of the installation find them. */
export function createQuietTimes(
  journal: Journal,
  clock: Pick<Clock, 'now'>,
  { perOwner }: { readonly perOwner: boolean },
): QuietTimes {
  const seen = new Map<string, { readonly at: number; readonly last: QuietTimeRecord | undefined }>();

  async function lastOf(account: string): Promise<QuietTimeRecord | undefined> {
    const now = clock.now();
    const known = seen.get(account);
    const isKnown = known !== undefined && ((known.last?.until ?? 0) > now || Math.abs(now - known.at) < BELIEVE_MS);
    if (isKnown) return known.last;
    const record = await journal.read(INSTALLATION_PARTITION, quietTimeKey(account));
    const last = record?.type === 'QuietTime' ? record : undefined;
    seen.set(account, { at: now, last });
    return last;
  }

  return {
    find: async (owner) => {
      const last = await lastOf(accountOf(owner, perOwner));
      return last !== undefined && last.until > clock.now() ? last : undefined;
    },
    begin: async (owner, { until, why, isNamed }) => {
      const account = accountOf(owner, perOwner);
      const now = clock.now();
      const last = await lastOf(account);
      const wanted = isNamed ? until : Math.max(until, now + guess(last, now));
      const isGoingOn = last !== undefined && last.until > now;
      if (isGoingOn && last.until >= wanted) return last;
      const record: QuietTimeRecord = {
        type: 'QuietTime',
        account,
        since: isGoingOn ? last.since : now,
        until: wanted,
        why,
      };
      await journal.write([record]);
      seen.set(account, { at: now, last: record });
      return record;
    },
  };
}

/** All that are kept, whether or not they are over. */
export async function listQuietTimes(journal: Journal): Promise<readonly QuietTime[]> {
  const records = await journal.list(INSTALLATION_PARTITION, QUIET_TIMES_PREFIX);
  return records.flatMap((record) => (record.type === 'QuietTime' ? [record] : []));
}

function accountOf(owner: string, perOwner: boolean): string {
  return perOwner ? owner.toLowerCase() : TOKEN;
}

/** Twice as long as the last one, when that was over only a moment ago. */
function guess(last: QuietTimeRecord | undefined, now: number): number {
  if (last === undefined || last.until > now) return 0;
  const length = last.until - last.since;
  return now - last.until > length ? 0 : Math.min(2 * length, LONGEST_GUESS_MS);
}
