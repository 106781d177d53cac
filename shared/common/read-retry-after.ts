const LONGEST_MS = 24 * 60 * 60 * 1_000;

/** How long a server's `retry-after`, in seconds or as a date, asks to wait: milliseconds, a day at most; undefined where it names nothing. */
export function readRetryAfter(text: string | null | undefined, now: number): number | undefined {
  if (text === undefined || text === null) return undefined;
  const named = /^\s*\d+\s*$/u.test(text) ? Number(text) * 1_000 : Date.parse(text) - now;
  return Number.isNaN(named) ? undefined : Math.min(Math.max(named, 0), LONGEST_MS);
}
