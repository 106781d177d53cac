import type { WorkMessage } from '#shared/work/work-message.ts';

import { readField, readText } from './read-payload.ts';
import { readRepository } from './read-repository.ts';

/** Labels, reviews and assignments change nothing that we decide on. */
const ACTIONS: ReadonlySet<string> = new Set(['opened', 'reopened', 'synchronize', 'closed']);

/** A `pull_request` payload as a message, `ignored` for an action that concerns nobody; undefined for what is no such payload. */
export function projectPullRequest(payload: unknown, deliveryId: string): WorkMessage | 'ignored' | undefined {
  const action = readText(payload, 'action', /^[^]{0,64}$/u);
  const number = readField(payload, 'number');
  const repository = readRepository(readField(payload, 'repository'));
  if (action === undefined || repository === undefined) return undefined;
  if (typeof number !== 'number' || !Number.isSafeInteger(number) || number < 1) return undefined;
  if (!ACTIONS.has(action)) return 'ignored';
  return { type: 'PullRequestChanged', repository, number, action, deliveryId };
}
