/** How often each endpoint was asked. */
export type Counters = {
  readonly arrived: (endpoint: string) => void;
  readonly answered: (endpoint: string, status: number) => void;
  readonly count: (endpoint: string | RegExp) => number;
  readonly all: () => Readonly<Record<string, number>>;
  readonly statuses: () => Readonly<Record<string, number>>;
  readonly reset: () => void;
};

/** Counters per endpoint (`GET /repos/{owner}/{repo}`, `git upload-pack`, …) and per endpoint and status. */
export function makeCounters(): Counters {
  const endpoints = new Map<string, number>();
  const statuses = new Map<string, number>();
  const bump = (map: Map<string, number>, key: string): void => {
    map.set(key, (map.get(key) ?? 0) + 1);
  };
  return {
    arrived: (endpoint) => bump(endpoints, endpoint),
    answered: (endpoint, status) => bump(statuses, `${endpoint} ${status}`),
    count: (wanted) => {
      if (typeof wanted === 'string') return endpoints.get(wanted) ?? 0;
      return [...endpoints].reduce((sum, [endpoint, count]) => sum + (wanted.test(endpoint) ? count : 0), 0);
    },
    all: () => Object.fromEntries(endpoints),
    statuses: () => Object.fromEntries(statuses),
    reset: () => {
      endpoints.clear();
      statuses.clear();
    },
  };
}
