import type { Clock } from '#shared/ports/clock.ts';

import type { GitHubRequest } from './recent-writes.ts';

/** "If you are making a large number of POST, PATCH, PUT, or DELETE requests, wait at least one second between each request." */
const GAP_MS = 1_000;
/** Pull requests and comments notify people, for which GitHub has a limit of its own. */
const NOTIFYING_GAP_MS = 3_000;
const NOTIFYING = /\/(?:pulls|comments)$/u;
/** Tokens are made as they are needed. */
const TOKENS = /\/access_tokens$/u;

/** Turns for writes, as github.com's best practices ask for them. */
export interface WritePace {
  /**
   * Waits until a request may be sent; reads do not wait.
   * @param until a turn that comes later is not waited for.
   * @returns whether its turn came.
   */
  turn(request: GitHubRequest, until: number): Promise<boolean>;
}

/** Opens the turns of one process; those of others, GitHub's own limits hold apart. */
export function createWritePace(clock: Clock): WritePace {
  let nextWrite = -Infinity;
  let nextNotifying = -Infinity;
  return {
    async turn(request, until) {
      if (!isWrite(request)) return true;
      const isNotifying = request['method'] === 'POST' && NOTIFYING.test(String(request['url']));
      const now = clock.now();
      const at = Math.max(now, nextWrite, isNotifying ? nextNotifying : -Infinity);
      if (at >= until) return false;
      nextWrite = at + GAP_MS;
      if (isNotifying) nextNotifying = at + NOTIFYING_GAP_MS;
      if (at > now) await clock.sleep(at - now);
      return true;
    },
  };
}

function isWrite({ method, url }: GitHubRequest): boolean {
  return method !== 'GET' && method !== 'HEAD' && !TOKENS.test(String(url));
}
