import type { Counters } from './counters.ts';
import type { Faults } from './faults.ts';
import type { RateLimits } from './rate-limits.ts';
import type { ReplicationLag } from './replication-lag.ts';
import type { Account, App, Installation, Permissions, Repository, State, Token } from './state.ts';
import { isWebFlow } from './state.ts';

/** Who makes a request. */
export type Actor =
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'user'; readonly account: Account; readonly token: Token }
  | { readonly kind: 'app'; readonly app: App }
  | {
      readonly kind: 'installation';
      readonly app: App;
      readonly account: Account;
      readonly installation: Installation;
      readonly repositoryIds: readonly number[] | 'all';
      readonly permissions: Permissions;
      readonly token: Token;
    };

/** Told of a request before it is served: its endpoint, and the credentials that it carries. */
export type Interrupt = (endpoint: string, authorization: string) => Promise<void>;

/** What all parts of one running GitHub share. */
export type Core = {
  readonly root: string;
  url: string;
  readonly state: State;
  readonly now: () => Date;
  readonly save: () => Promise<void>;
  readonly counters: Counters;
  readonly faults: Faults;
  /** What happens just before a request is served; nothing, unless a test says so. */
  interrupt: Interrupt | null;
  readonly rateLimits: RateLimits;
  readonly lag: ReplicationLag;
  readonly violations: string[];
  readonly unknownRoutes: string[];
  readonly locks: Map<number, Promise<unknown>>;
  readonly inFlight: Set<Promise<void>>;
};

/** One request as a route sees it. */
export type Exchange = {
  readonly core: Core;
  readonly actor: Actor;
  readonly repository: Repository | null;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly body: Readonly<Record<string, unknown>>;
  readonly url: URL;
};

/** What a route answers. */
export type Answer = {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
};

/** One endpoint: method, template as GitHub's OpenAPI description writes it, and what a token needs. */
export type Route = {
  readonly method: string;
  readonly template: string;
  readonly needs: readonly Permissions[] | 'app' | 'nothing';
  readonly handle: (exchange: Exchange) => Promise<Answer> | Answer;
};

/** A new id, unique in this GitHub. */
export function nextId(core: Core): number {
  core.state.nextId += 1;
  return core.state.nextId;
}

/** The moment of now as GitHub writes it. */
export function timestamp(core: Core): string {
  return core
    .now()
    .toISOString()
    .replace(/\.\d+Z$/, 'Z');
}

/** The opaque id that GraphQL and webhooks use for the same thing. */
export function nodeId(kind: string, id: number | string): string {
  return Buffer.from(`${kind}:${id}`).toString('base64');
}

/** Where the REST API starts. */
export function apiUrl(core: Core): string {
  return `${core.url}/api/v3`;
}

/** The folder of a repository's git data. */
export function gitDirectory(core: Core, repository: Repository): string {
  return `${core.root}/repositories/${repository.owner}/${repository.name}.git`;
}

/** The repository with this owner and name, in any case, or undefined. */
export function findRepository(core: Core, owner: string, name: string): Repository | undefined {
  const wanted = `${owner}/${name}`.toLowerCase();
  return core.state.repositories.find((one) => `${one.owner}/${one.name}`.toLowerCase() === wanted);
}

/** The repository that had this owner and name before, while no other has it. */
export function findRenamed(core: Core, owner: string, name: string): Repository | undefined {
  if (findRepository(core, owner, name) !== undefined) return undefined;
  const wanted = `${owner}/${name}`.toLowerCase();
  return core.state.repositories.findLast(({ earlierNames }) =>
    earlierNames.some((earlier) => earlier.toLowerCase() === wanted),
  );
}

/** The account with this login, or undefined. */
export function findAccount(core: Core, login: string): Account | undefined {
  return core.state.accounts.find((one) => one.login.toLowerCase() === login.toLowerCase());
}

/** The account that acts: the user, or the App's bot. */
export function actingAccount(core: Core, actor: Actor): Account {
  if (actor.kind === 'user' || actor.kind === 'installation') return actor.account;
  const ghost = core.state.accounts.find((one) => !isWebFlow(one));
  if (ghost === undefined) throw new Error('this GitHub has no account at all');
  return ghost;
}
