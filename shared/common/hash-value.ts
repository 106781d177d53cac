import { hash } from 'node:crypto';

import { formatExactJson } from './exact-json.ts';
import { isRecord } from './is-record.ts';

/** A short digest of any JSON value, whatever the order of its keys. */
export function hashValue(value: unknown): string {
  return hash('sha256', canonicalJson(value), 'base64url').slice(0, 32);
}

function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (isRecord(value)) {
    let text = '';
    for (const key of Object.keys(value).sort()) {
      const field = value[key];
      if (field !== undefined) text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${canonicalJson(field)}`;
    }
    return `{${text}}`;
  }
  return typeof value === 'bigint' ? formatExactJson(value) : (JSON.stringify(value) ?? 'null');
}
