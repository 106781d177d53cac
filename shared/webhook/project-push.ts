import type { WorkMessage } from '#shared/work/work-message.ts';
import { readRepository } from './read-repository.ts';
import { readField, readText } from './read-payload.ts';

const REF = /^refs\/\S+$/u;
const COMMIT = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/u;

/** A `push` payload as a message; undefined for what is no such payload. */
export function projectPush(payload: unknown, deliveryId: string): WorkMessage | undefined {
  const ref = readText(payload, 'ref', REF);
  const after = readText(payload, 'after', COMMIT);
  const repository = readRepository(readField(payload, 'repository'));
  if (ref === undefined || after === undefined || repository === undefined) return undefined;
  return { type: 'RepositoryPushed', repository, ref, after, deliveryId };
}
