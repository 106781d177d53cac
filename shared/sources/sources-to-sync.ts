import { formatSourceKey } from '#shared/flux/resource-key.ts';
import type { StatusRecord } from '#shared/records/journal-record.ts';
import type { WorkMessage } from '#shared/work/work-message.ts';

import type { Source } from './list-sources.ts';
import { followsRef } from './resolve-reference.ts';
import { sourceSpecDigest } from './source-spec-digest.ts';
import { comparableUrl, normalizeSourceUrl } from './source-url.ts';

/** A source and what was last recorded about it. */
export interface KnownSource extends Source {
  readonly status: StatusRecord | undefined;
}

/** The sources that a message asks to be read. */
export function sourcesToSync(
  message: WorkMessage,
  sources: readonly KnownSource[],
  now: { readonly at: number; readonly tickMs: number; readonly githubApiUrl: string },
): readonly KnownSource[] {
  switch (message.type) {
    case 'RepositoryPushed':
      return sources.filter(
        ({ repository }) =>
          followsRef(repository.ref, message.ref) &&
          isSameRepository(repository.url, message.repository, now.githubApiUrl),
      );
    case 'SyncSource':
      return sources.filter(({ key }) => formatSourceKey(key) === formatSourceKey(message.source));
    case 'Tick':
      return sources.filter((source) => isDue(source, now));
    case 'PullRequestChanged':
    case 'Reconcile':
    case 'InstructionsChanged':
      return [];
  }
}

function isSameRepository(url: string, pushed: string, githubApiUrl: string): boolean {
  try {
    return comparableUrl(normalizeSourceUrl(url, githubApiUrl)) === comparableUrl(pushed);
  } catch {
    return false;
  }
}

function isDue({ repository, status }: KnownSource, now: { readonly at: number; readonly tickMs: number }): boolean {
  if (status === undefined) return true;
  if (repository.suspend || status.suspended) return repository.suspend !== status.suspended;
  if (status.details['spec'] !== sourceSpecDigest(repository)) return true;
  if (status.dueAt !== undefined && status.dueAt > now.at) return false;
  const isStalled = status.conditions.some(({ type, status }) => type === 'Stalled' && status === 'True');
  const isFailing = status.conditions.some(({ type, status }) => type === 'Ready' && status === 'False');
  if (isFailing && !isStalled) return true;
  // Ticks come late by chance; without the slack an interval of one tick would be kept every second time.
  const slack = Math.min(now.tickMs, repository.intervalMs) / 2;
  return status.observedAt + repository.intervalMs <= now.at + slack;
}
