/** How far this GitHub is behind itself: how often it does not yet know what it has just been told. */
export type LagOptions = {
  /** How often a new installation token is refused, and with what: 401 while it is not known, 403 while its permissions are not. */
  readonly tokens?: number;
  readonly tokenStatus?: 401 | 403;
  /** How often a new git object, or a ref that was just moved, is not found where it is used. */
  readonly writes?: number;
};

/** What was just written and is not everywhere yet. */
export type ReplicationLag = {
  readonly configure: (options: LagOptions) => void;
  readonly tokenMade: (token: string) => void;
  /** The status that a token is refused with this time; null lets it through. */
  readonly tokenRefused: (token: string) => 401 | 403 | null;
  readonly written: (repositoryId: number, name: string) => void;
  /** Whether an object or ref is not to be seen this time. */
  readonly hides: (repositoryId: number, name: string) => boolean;
};

const NO_LAG = { tokens: 0, tokenStatus: 401, writes: 0 } as const satisfies Required<LagOptions>;

/** A GitHub that is up to date with itself, until a test says otherwise. */
export function makeReplicationLag(): ReplicationLag {
  let options: Required<LagOptions> = NO_LAG;
  const left = new Map<string, number>();
  const begin = (key: string, times: number): void => {
    if (times > 0) left.set(key, times);
  };
  const take = (key: string): boolean => {
    const times = left.get(key) ?? 0;
    if (times === 0) return false;
    if (times === 1) left.delete(key);
    else left.set(key, times - 1);
    return true;
  };
  return {
    configure: (changed) => {
      options = { ...NO_LAG, ...changed };
      left.clear();
    },
    tokenMade: (token) => begin(`token ${token}`, options.tokens),
    tokenRefused: (token) => (take(`token ${token}`) ? options.tokenStatus : null),
    written: (repositoryId, name) => begin(`${repositoryId} ${name}`, options.writes),
    hides: (repositoryId, name) => take(`${repositoryId} ${name}`),
  };
}
