import { parseDocument } from 'yaml';

import { formatExactJson } from '#shared/common/exact-json.ts';

import { isGoYamlText } from './go-yaml-scalar.ts';
import type { ScalarToken } from './read-scalars.ts';

/** What ends a line for some reader of YAML. */
const LINE_BREAKS = /[\n\r\u0085\u2028\u2029]/u;

/** Replaces the characters of one scalar in its own quoting style; quotes a plain one that a YAML reader would not take for a string. */
export function spliceScalar(text: string, scalar: ScalarToken, value: string): string {
  return text.slice(0, scalar.start) + spell(scalar.kind, value) + text.slice(scalar.end);
}

/** Spells a string that is new to a file: plain where every YAML reader takes it for one, quoted elsewhere. */
export function spellString(value: string): string {
  return spell('plain', value);
}

function spell(kind: ScalarToken['kind'], value: string): string {
  switch (kind) {
    case 'single-quoted':
      return LINE_BREAKS.test(value) ? formatExactJson(value) : `'${value.replaceAll("'", "''")}'`;
    case 'double-quoted':
      return formatExactJson(value);
    case 'plain':
    case 'block':
    case 'alias':
      return readsAsString(value) ? value : formatExactJson(value);
  }
}

// Kubernetes reads YAML with 1.1 booleans and octals, kustomize and others with 1.2, and go-yaml, in both, numbers that no
// version knows: a plain value has to be a string for all of them.
function readsAsString(value: string): boolean {
  if (/[,[\]{}]/u.test(value) || LINE_BREAKS.test(value) || !isGoYamlText(value)) return false;
  return (['1.1', '1.2'] as const).every((version) => {
    const document = parseDocument(`[${value}]`, { version, logLevel: 'silent' });
    return document.errors.length === 0 && document.getIn([0]) === value;
  });
}
