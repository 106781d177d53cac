import * as z from 'zod/mini';
import type { WorkMessage } from '#shared/work/work-message.ts';
import { RepositoryPayload, repositoryUrl } from './project-push.ts';

const PullRequestPayload = z.object({
  action: z.string().check(z.maxLength(64)),
  number: z.int().check(z.minimum(1)),
  repository: RepositoryPayload,
});

/** Labels, reviews and assignments change nothing that we decide on. */
const ACTIONS: ReadonlySet<string> = new Set(['opened', 'reopened', 'synchronize', 'closed']);

/** A `pull_request` payload as a message, `ignored` for an action that concerns nobody; undefined for what is no such payload. */
export function projectPullRequest(payload: unknown, deliveryId: string): WorkMessage | 'ignored' | undefined {
  const parsed = PullRequestPayload.safeParse(payload);
  if (!parsed.success) return undefined;
  const { action, number, repository } = parsed.data;
  if (!ACTIONS.has(action)) return 'ignored';
  return { type: 'PullRequestChanged', repository: repositoryUrl(repository), number, action, deliveryId };
}
