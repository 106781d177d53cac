/** How much a caller may ask: requests an hour, and points a minute (a read is 1, a write 5). */
export type RateLimitOptions = { readonly perHour?: number; readonly pointsPerMinute?: number };

/** Where a caller stands in its hour. */
export type Budget = {
  readonly limit: number;
  readonly used: number;
  readonly remaining: number;
  readonly reset: number;
};

/** The rate limits of one GitHub. */
export type RateLimits = {
  readonly budget: (caller: string) => Budget;
  readonly spend: (caller: string) => Budget;
  readonly retryAfter: (caller: string, write: boolean) => number | null;
  readonly configure: (options: RateLimitOptions) => void;
};

const HOUR = 3600;
const MINUTE = 60;

/** Counts requests of each caller against the primary and the secondary limit. */
export function makeRateLimits(options: RateLimitOptions, now: () => Date): RateLimits {
  let limits = { perHour: options.perHour ?? 5000, pointsPerMinute: options.pointsPerMinute ?? Infinity };
  const hours = new Map<string, { used: number; reset: number }>();
  const minutes = new Map<string, { points: number; reset: number }>();
  const seconds = (): number => Math.floor(now().getTime() / 1000);
  function hourOf(caller: string): { used: number; reset: number } {
    const known = hours.get(caller);
    if (known !== undefined && known.reset > seconds()) return known;
    const fresh = { used: 0, reset: seconds() + HOUR };
    hours.set(caller, fresh);
    return fresh;
  }
  function budget(caller: string): Budget {
    const { used, reset } = hourOf(caller);
    return { limit: limits.perHour, used, remaining: Math.max(0, limits.perHour - used), reset };
  }
  return {
    budget,
    spend: (caller) => {
      hourOf(caller).used += 1;
      return budget(caller);
    },
    retryAfter: (caller, write) => {
      const known = minutes.get(caller);
      const minute = known !== undefined && known.reset > seconds() ? known : { points: 0, reset: seconds() + MINUTE };
      minutes.set(caller, minute);
      minute.points += write ? 5 : 1;
      return minute.points > limits.pointsPerMinute ? minute.reset - seconds() : null;
    },
    configure: (changed) => {
      limits = {
        perHour: changed.perHour ?? limits.perHour,
        pointsPerMinute: changed.pointsPerMinute ?? limits.pointsPerMinute,
      };
    },
  };
}
