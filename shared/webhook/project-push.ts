import { z } from 'zod';
import type { WorkMessage } from '#shared/work/work-message.ts';

/** Of everything GitHub sends, what is read. */
export const RepositoryPayload = z.object({ html_url: z.url({ protocol: /^https?$/u }).max(2048) });

const PushPayload = z.object({
  ref: z
    .string()
    .max(1024)
    .regex(/^refs\/\S+$/u),
  after: z.string().regex(/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/u),
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
