import { createHash } from 'node:crypto';

const ALLOWED = /^[\w!"#$%&'()*+,\-./:;<=>?@[\\\]^`{|}~]{1,128}$/u;

/** A group or deduplication id that SQS accepts: the text itself, or its digest when it is too long or has other characters. */
export function messageGroup(text: string): string {
  return ALLOWED.test(text) ? text : createHash('sha256').update(text).digest('hex');
}
