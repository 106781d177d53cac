import { invalidField, unprocessable } from './problem.ts';

/** A text that GitHub takes up to a length, and how it complains of a longer one. */
type Bound = { readonly resource: string; readonly field: string; readonly code: string; readonly most: number };

/**
 * What GitHub's answers name as the longest. Its database holds four bytes for each character of a body, and it has been seen to
 * take more where they are of fewer; nobody may count on that, so this GitHub does what the answers say.
 */
const BOUNDS = {
  pullTitle: { resource: 'Issue', field: 'title', code: 'custom', most: 256 },
  pullBody: { resource: 'Issue', field: 'body', code: 'custom', most: 65_536 },
  comment: { resource: 'IssueComment', field: 'body', code: 'unprocessable', most: 65_536 },
  label: { resource: 'Label', field: 'name', code: 'custom', most: 50 },
  statusContext: { resource: 'Status', field: 'context', code: 'custom', most: 255 },
  statusDescription: { resource: 'Status', field: 'description', code: 'custom', most: 140 },
} as const satisfies Readonly<Record<string, Bound>>;

/** Git keeps a ref in a file, GitHub its full name in a column. */
const MAX_REF_BYTES = 255;

/** Refuses a text that is longer than GitHub takes, counted in characters, whatever their bytes. */
export function checkLength(name: keyof typeof BOUNDS, text: string | null | undefined): void {
  const { resource, field, code, most } = BOUNDS[name];
  if (text === null || text === undefined || Array.from(text).length <= most) return;
  const words = `${field} is too long (maximum is ${most} characters)`;
  // Comments go through another door, which names its field and begins its sentence differently.
  if (name === 'comment') throw invalidField(resource, 'data', code, words.replace('body', 'Body'));
  throw invalidField(resource, field, code, words);
}

/** Refuses what cannot be the name of a new ref: too long, or forty hexadecimal digits, which would read as a commit. */
export function checkNewRef(name: string): void {
  if (Buffer.byteLength(name) > MAX_REF_BYTES) throw unprocessable('Reference update failed');
  if (/^refs\/(?:heads|tags)\/[0-9a-f]{40}$/iu.test(name)) {
    throw unprocessable('Branch or tag names consisting of 40 hex characters are not allowed.');
  }
}
