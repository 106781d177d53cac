import { createHash } from 'node:crypto';
import { formatExactJson } from '#shared/api/exact-json.ts';

/** A short digest of any JSON value, whatever the order of its keys. */
export function hashValue(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('base64url').slice(0, 32);
}

function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) {
    return `[${value.map(canonicalJson).join(',')}]`;
  }
  if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value)
      .filter(([, field]) => field !== undefined)
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([key, field]) => `${JSON.stringify(key)}:${canonicalJson(field)}`);
    return `{${fields.join(',')}}`;
  }
  return typeof value === 'bigint' ? formatExactJson(value) : (JSON.stringify(value) ?? 'null');
}
