import { outOfTime } from '#shared/common/out-of-time.ts';
import type { Clock } from '#shared/ports/clock.ts';
import type { GitRemote } from '#shared/ports/git-remote.ts';

/**
 * A git remote of which nothing is waited for after a point in time, whatever the request says.
 * @param late why nothing is asked any more.
 */
export function limitGitRemote(
  remote: GitRemote,
  clock: Pick<Clock, 'now'>,
  until: number,
  late: (url: string) => Error = outOfTime,
): GitRemote {
  const limit = <Request extends { readonly url: string; readonly timeoutMs: number }>(request: Request): Request => {
    const leftMs = until - clock.now();
    if (leftMs <= 0) throw late(request.url);
    return { ...request, timeoutMs: Math.min(request.timeoutMs, Math.ceil(leftMs)) };
  };
  return {
    listRefs: async (request) => remote.listRefs(limit(request)),
    fetchTree: async (request) => remote.fetchTree(limit(request)),
  };
}
