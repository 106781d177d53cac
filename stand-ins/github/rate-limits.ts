/** How much a caller may ask: requests an hour, and points a minute (a read is 1, a write 5). And how GitHub says no, which is not always the same. */
export type RateLimitOptions = {
  readonly perHour?: number;
  readonly pointsPerMinute?: number;
  /** Status of both limits over REST. */
  readonly status?: 403 | 429;
  /** Whether the secondary limit says when to come back. */
  readonly saysRetryAfter?: boolean;
  /** Status of the secondary limit over GraphQL; the primary one is always a 200. */
  readonly graphqlStatus?: 200 | 403;
  /** How the primary limit over GraphQL is called: GitHub has done both. */
  readonly graphqlType?: 'RATE_LIMITED' | 'RATE_LIMIT';
};

/** A refusal of one request, by the hour's budget or by the minute's. */
export type LimitRefusal = {
  readonly limit: 'primary' | 'secondary';
  readonly message: string;
  readonly status: number;
} & {
  readonly headers: Readonly<Record<string, string>>;
};

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
  /** Counts a request against the minute; an answer says that it is refused. */
  readonly refuse: (caller: string, write: boolean) => LimitRefusal | null;
  readonly graphql: () => Required<Pick<RateLimitOptions, 'graphqlStatus' | 'graphqlType'>>;
  readonly configure: (options: RateLimitOptions) => void;
};

const HOUR = 3600;
const MINUTE = 60;
const SECONDARY = 'You have exceeded a secondary rate limit. Please wait a few minutes before you try again.';
const UNLIMITED = {
  perHour: 5000,
  pointsPerMinute: Infinity,
  status: 403,
  saysRetryAfter: true,
  graphqlStatus: 200,
  graphqlType: 'RATE_LIMITED',
} as const satisfies Required<RateLimitOptions>;

/** Counts requests of each caller against the primary and the secondary limit. */
export function makeRateLimits(options: RateLimitOptions, now: () => Date): RateLimits {
  let limits: Required<RateLimitOptions> = { ...UNLIMITED, ...options };
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
    refuse: (caller, write) => {
      const { status, saysRetryAfter } = limits;
      if (budget(caller).remaining === 0) {
        return { limit: 'primary', message: `API rate limit exceeded for ${caller}.`, status, headers: {} };
      }
      const known = minutes.get(caller);
      const minute = known !== undefined && known.reset > seconds() ? known : { points: 0, reset: seconds() + MINUTE };
      minutes.set(caller, minute);
      minute.points += write ? 5 : 1;
      if (minute.points <= limits.pointsPerMinute) return null;
      const headers = saysRetryAfter ? { 'retry-after': String(minute.reset - seconds()) } : undefined;
      return { limit: 'secondary', message: SECONDARY, status, headers: headers ?? {} };
    },
    graphql: () => limits,
    configure: (changed) => {
      limits = { ...limits, ...changed };
    },
  };
}
