/** What this process has written to GitHub a moment ago, and not all of GitHub's servers may know yet. */
export interface RecentWrites {
  /** Takes note of a write that was carried out. */
  learn(request: GitHubRequest, response: unknown): void;
  /** Whether a request is about something of it. */
  concerns(request: GitHubRequest): boolean;
}

/** A request as Octokit's hooks show it: method, template of the address, and what was put into it. */
export type GitHubRequest = Readonly<Record<string, unknown>>;

const RECENT_MS = 60_000;
const MOST = 1_000;
const OID = /\b[0-9a-f]{40}(?:[0-9a-f]{24})?\b/gu;
/** Parameters that name commits, trees and branches; never what files hold. */
const NAMING = ['sha', 'commit_sha', 'basehead', 'base_tree', 'tree', 'parents', 'head', 'base'] as const;

/** Opens a memory of a minute. */
export function createRecentWrites(now: () => number): RecentWrites {
  const written = new Map<string, number>();

  function remember(key: string): void {
    written.delete(key);
    written.set(key, now());
    for (const [oldest, at] of written) {
      if (written.size <= MOST && now() - at < RECENT_MS) break;
      written.delete(oldest);
    }
  }

  return {
    learn(request, response) {
      const { method } = request;
      if (method !== 'POST' && method !== 'PATCH') return;
      const data: unknown = fieldOf(response, 'data');
      const sha = fieldOf(data, 'sha');
      if (typeof sha === 'string') remember(sha);
      const number = fieldOf(data, 'number');
      if (typeof number === 'number') remember(numberKey(request, number));
      for (const { name, oid } of refUpdatesOf(request)) {
        remember(oid);
        remember(name);
      }
    },
    concerns: (request) => namesOf(request).some((name) => now() - (written.get(name) ?? -Infinity) < RECENT_MS),
  };
}

function namesOf(request: GitHubRequest): readonly string[] {
  const texts = NAMING.flatMap((name) => request[name] ?? []).flatMap((value) =>
    Array.isArray(value) ? value : [value],
  );
  const oids = texts.flatMap((text) => (typeof text === 'string' ? (text.match(OID) ?? []) : []));
  const numbers = [request['pull_number'], request['issue_number']].flatMap((number) =>
    typeof number === 'number' ? [numberKey(request, number)] : [],
  );
  const head = typeof request['head'] === 'string' ? [`refs/heads/${request['head']}`] : [];
  return [...oids, ...numbers, ...head, ...refUpdatesOf(request).map(({ oid }) => oid)];
}

function refUpdatesOf(request: GitHubRequest): readonly { readonly name: string; readonly oid: string }[] {
  const updates = fieldOf(request['variables'], 'refUpdates');
  if (!Array.isArray(updates)) return [];
  return updates.flatMap((update: unknown) => {
    const [name, oid] = [fieldOf(update, 'name'), fieldOf(update, 'afterOid')];
    return typeof name === 'string' && typeof oid === 'string' ? [{ name, oid }] : [];
  });
}

function numberKey({ owner, repo }: GitHubRequest, number: number): string {
  return `${String(owner)}/${String(repo)}#${number}`;
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}
