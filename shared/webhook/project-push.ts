import * as z from 'zod/mini';
import type { WorkMessage } from '#shared/work/work-message.ts';

// zod/mini, because this runs in the webhook, where every kilobyte is paid for at each cold start.

/** Of everything GitHub sends, what is read. */
export const RepositoryPayload = z.object({
  html_url: z.url({ protocol: /^https?$/u }).check(z.maxLength(2048)),
});

const PushPayload = z.object({
  ref: z.string().check(z.maxLength(1024), z.regex(/^refs\/\S+$/u)),
  after: z.string().check(z.regex(/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/u)),
  repository: RepositoryPayload,
});

/** A `push` payload as a message; undefined for what is no such payload. */
export function projectPush(payload: unknown, deliveryId: string): WorkMessage | undefined {
  const parsed = PushPayload.safeParse(payload);
  if (!parsed.success) return undefined;
  const { ref, after, repository } = parsed.data;
  return { type: 'RepositoryPushed', repository: repositoryUrl(repository), ref, after, deliveryId };
}

/** `https://github.com/acme/fleet-infra`, without `.git`. */
export function repositoryUrl(repository: z.infer<typeof RepositoryPayload>): string {
  return repository.html_url.replace(/\.git$/u, '');
}
