import { createHash } from 'node:crypto';

import { GITHUB_LIMITS } from './github-limits.ts';

/** What is left of a branch may be somebody else's: how many further names are tried. */
const MOST_NAMES = 9;
const DIGEST_LENGTH = 16;
const ROOM = GITHUB_LIMITS.branchRef - 'refs/heads/'.length - `-${MOST_NAMES}`.length;

/** `<prefix><cluster>/<namespace>/<automation>`; a name that is too long for GitHub ends in a digest of the whole. */
export function branchNameOf(prefix: string, owner: string): string {
  const name = `${prefix}${owner}`;
  if (Buffer.byteLength(name) <= ROOM) return name;
  const digest = createHash('sha256').update(name).digest('hex').slice(0, DIGEST_LENGTH);
  return `${Buffer.from(name)
    .subarray(0, ROOM - DIGEST_LENGTH - 1)
    .toString('latin1')}-${digest}`;
}

/** The names that an automation's proposals may have, in the order in which they are tried. */
export function branchNames(preferred: string): readonly string[] {
  return [preferred, ...Array.from({ length: MOST_NAMES - 1 }, (_, index) => `${preferred}-${index + 2}`)];
}
