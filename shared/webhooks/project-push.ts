import type { WorkMessage } from '#shared/work/work-message.ts';

import { readField, readText } from './read-payload.ts';
import { readRepository } from './read-repository.ts';

/** What git allows in a name: no control character, no space, none of its own signs; a no-break space is a letter like any other. */
// oxlint-disable-next-line no-control-regex
const REF = /^refs\/[^\u0000-\u0020\u007f~^:?*[\\]+$/u;
const COMMIT = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/u;

/** A `push` payload as a message; undefined for what is no such payload. */
export function projectPush(payload: unknown, deliveryId: string): WorkMessage | undefined {
  const ref = readText(payload, 'ref', REF);
  const after = readText(payload, 'after', COMMIT);
  const repository = readRepository(readField(payload, 'repository'));
  if (ref === undefined || after === undefined || repository === undefined) return undefined;
  return { type: 'RepositoryPushed', repository, ref, after, deliveryId };
}
