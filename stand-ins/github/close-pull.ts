import type { Core } from './core.ts';
import { timestamp } from './core.ts';
import { showPull } from './show-pull.ts';
import type { Account, Pull, Repository } from './state.ts';
import { showContext } from './webhook-payloads.ts';
import { announce, isListened } from './webhooks.ts';

/** Tells a change of a pull request to whoever listens. */
export async function tellPull(
  core: Core,
  repository: Repository,
  sender: Account,
  pull: Pull,
  action: string,
  more: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  if (!isListened(core, repository, 'pull_request')) return;
  announce(core, repository, 'pull_request', {
    action,
    number: pull.number,
    ...more,
    pull_request: await showPull(core, repository, pull),
    ...showContext(core, repository, sender),
  });
}

/** Closes a pull request in the records; merged when a commit says by what. */
export function closePull(core: Core, pull: Pull, by: Account, baseSha: string, mergeCommit: string | null): void {
  const now = timestamp(core);
  pull.state = 'closed';
  pull.baseSha = baseSha;
  pull.closedAt = now;
  pull.updatedAt = now;
  pull.autoMerge = null;
  pull.queuedAt = null;
  if (mergeCommit === null) return;
  pull.mergedAt = now;
  pull.mergedBy = by.login;
  pull.mergeCommitSha = mergeCommit;
}
