/** What goes wrong with one request. */
export type Fault =
  | { readonly delayMs: number }
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: unknown }
  | 'truncate'
  | 'reset'
  | 'lose-answer';

/** Which requests a fault hits: method, path (an endpoint template or a pattern over it and the real path), from the nth, so many times. */
export type FaultRule = {
  readonly method?: string;
  readonly path?: string | RegExp;
  readonly nth?: number;
  readonly times?: number;
  readonly fault: Fault;
};

/** The faults of one GitHub, in the order added. */
export type Faults = {
  readonly add: (rule: FaultRule) => { readonly hits: () => number; readonly remove: () => void };
  readonly clear: () => void;
  readonly take: (method: string, endpoint: string, path: string) => Fault | null;
};

function concerns(rule: FaultRule, method: string, endpoint: string, path: string): boolean {
  if (rule.method !== undefined && rule.method !== method) return false;
  if (rule.path === undefined) return true;
  if (typeof rule.path === 'string') return rule.path === endpoint || rule.path === path;
  return rule.path.test(endpoint) || rule.path.test(path);
}

/** A list of fault rules; the first that concerns a request is used up by it. */
export function makeFaults(): Faults {
  type Entry = { readonly rule: FaultRule; seen: number; hits: number };
  let entries: Entry[] = [];
  return {
    add: (rule) => {
      const entry: Entry = { rule, seen: 0, hits: 0 };
      entries.push(entry);
      return {
        hits: () => entry.hits,
        remove: () => {
          entries = entries.filter((other) => other !== entry);
        },
      };
    },
    clear: () => {
      entries = [];
    },
    take: (method, endpoint, path) => {
      for (const entry of entries) {
        if (!concerns(entry.rule, method, endpoint, path)) continue;
        entry.seen += 1;
        if (entry.seen < (entry.rule.nth ?? 1) || entry.hits >= (entry.rule.times ?? 1)) continue;
        entry.hits += 1;
        return entry.rule.fault;
      }
      return null;
    },
  };
}
