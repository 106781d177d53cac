import { mkdir } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { makeTemporaryFolder } from '#stand-ins/build/make-temporary-folder.ts';

import type { GitHubAdminApi } from './admin-api.ts';
import { createAdminApi } from './admin-api.ts';
import type { Administration } from './administration.ts';
import { makeAdministration } from './administration.ts';
import type { Core, Interrupt } from './core.ts';
import type { Counters } from './counters.ts';
import { makeCounters } from './counters.ts';
import type { Faults } from './faults.ts';
import { makeFaults } from './faults.ts';
import { makeMatcher } from './match-route.ts';
import { makeOpenApiCheck } from './openapi-check.ts';
import type { RateLimitOptions, RateLimits } from './rate-limits.ts';
import { makeRateLimits } from './rate-limits.ts';
import type { ReplicationLag } from './replication-lag.ts';
import { makeReplicationLag } from './replication-lag.ts';
import { allRoutes } from './routes/all-routes.ts';
import { serveRequest } from './serve-request.ts';
import { loadState, makeStateSaver } from './state.ts';
import { ensureWebFlow } from './web-flow.ts';
import { settleDeliveries } from './webhooks.ts';

/** How a GitHub is started. */
export type GitHubOptions = {
  /** Where repositories and state live; without it, a temporary folder that `close` removes. */
  readonly root?: string;
  readonly port?: number;
  /** Every request waits this long. */
  readonly delayMs?: number;
  readonly rateLimit?: RateLimitOptions;
  readonly now?: () => Date;
};

/** A GitHub on this machine. */
export type RunningGitHub = GitHubAdminApi &
  Administration & {
    readonly url: string;
    readonly apiUrl: string;
    readonly graphqlUrl: string;
    readonly root: string;
    readonly counters: Counters;
    readonly faults: Faults;
    readonly rateLimits: RateLimits;
    readonly lag: Pick<ReplicationLag, 'configure'>;
    /** Has something happen just before each request is served, as people and other programs act between any two of them. */
    readonly interruptWith: (interrupt: Interrupt | null) => void;
    /** What this GitHub answered against GitHub's own description; empty in a good run. */
    readonly violations: readonly string[];
    readonly unknownRoutes: readonly string[];
    /** Waits until every webhook was delivered or given up. */
    readonly settle: () => Promise<void>;
    readonly close: () => Promise<void>;
  };

/** Starts a GitHub whose truth is bare git repositories, on 127.0.0.1. */
export async function startGitHub(options: GitHubOptions = {}): Promise<RunningGitHub> {
  const own = options.root === undefined ? await makeTemporaryFolder('tidegate-github-') : undefined;
  const root = options.root ?? own?.path ?? '';
  await mkdir(root, { recursive: true });
  const state = await loadState(root);
  const now = options.now ?? ((): Date => new Date());
  const core: Core = {
    root,
    url: '',
    state,
    now,
    // What nobody starts again from is not kept.
    save: own === undefined ? makeStateSaver(root, state) : () => Promise.resolve(),
    counters: makeCounters(),
    faults: makeFaults(),
    interrupt: null,
    rateLimits: makeRateLimits(options.rateLimit ?? {}, now),
    lag: makeReplicationLag(),
    violations: [],
    unknownRoutes: [],
    locks: new Map(),
    inFlight: new Set(),
  };
  ensureWebFlow(core);
  const check = await makeOpenApiCheck();
  const serving = { core, check, match: makeMatcher(allRoutes), delayMs: options.delayMs ?? 0 };
  const server = createServer((request, response) => serveRequest(serving, request, response));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  // A TCP server's address is never a path.
  core.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    ...createAdminApi(core),
    ...makeAdministration(core),
    url: core.url,
    apiUrl: `${core.url}/api/v3`,
    graphqlUrl: `${core.url}/api/graphql`,
    root,
    counters: core.counters,
    faults: core.faults,
    rateLimits: core.rateLimits,
    lag: core.lag,
    interruptWith: (interrupt) => {
      core.interrupt = interrupt;
    },
    violations: core.violations,
    unknownRoutes: core.unknownRoutes,
    settle: () => settleDeliveries(core),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await settleDeliveries(core);
      await core.save();
      await own?.remove();
    },
  };
}
