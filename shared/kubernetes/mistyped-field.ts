import { formatExactJson } from '#shared/common/exact-json.ts';
import { isRecord } from '#shared/common/is-record.ts';

import { adviseOnVariables, FILLED_FIELDS, nameOfType, type FilledField } from './filled-fields.ts';
import type { KubernetesObject } from './kubernetes-object.ts';

/** Fields that are maps of texts, of kinds whose values no message may show: what is in them is judged here. */
const MAPS_OF_TEXTS: ReadonlyMap<string, readonly string[]> = new Map([
  ['Secret', ['stringData', 'data']],
  ['ConfigMap', ['data', 'binaryData']],
]);
const EXPECTED = ': expected ';
const GOT = ', got ';

/** What kubectl and Flux say of a Secret or ConfigMap that holds no text where one belongs; undefined when all is well. */
export function describeMistyped(object: KubernetesObject): string | undefined {
  const fields = object.apiVersion === 'v1' ? (MAPS_OF_TEXTS.get(object.kind) ?? []) : [];
  const faults = fields.flatMap((field) => {
    const held = object[field];
    if (held === undefined || held === null) return [];
    if (!isRecord(held)) return [describe(object, [field], 'map', nameOfType(held))];
    return Object.entries(held)
      .filter(([, value]) => typeof value !== 'string' && value !== null)
      .map(([key, value]) => describe(object, [field, key], 'string', nameOfType(value)));
  });
  return faults.length === 0 ? undefined : faults.join('\n');
}

/** Takes values out of what a server says of fields of a wrong type, and names the variables that made them. */
export function redactTypedValues(message: string, object: KubernetesObject | undefined): string {
  return message
    .split('\n')
    .map((line) => {
      const fault = readTypedFault(line);
      if (fault === undefined) return line;
      const { before, path, expected, got } = fault;
      const variables =
        object?.[FILLED_FIELDS]?.find((filled) => filled.isRetyped && isAt(filled, path, object))?.variables ?? [];
      return `${before}${path}: expected ${expected}, got ${typeInGo(got)}${adviseOnVariables(variables)}`;
    })
    .join('\n');
}

interface TypedFault {
  readonly before: string;
  readonly path: string;
  readonly expected: string;
  /** The value as Go prints it. */
  readonly got: string;
}

/** A field of a typed patch and what is wrong with it: one a line, on the first behind the object's name. */
function readTypedFault(line: string): TypedFault | undefined {
  const end = line.indexOf(EXPECTED);
  const gotAt = line.indexOf(GOT, end + EXPECTED.length);
  const name = line.startsWith('failed to create typed ') ? line.indexOf('): ') + 3 : 0;
  const start = name + line.slice(name).search(/\S/);
  if (end < 0 || gotAt < 0 || end < start || line[start] !== '.') return undefined;
  return {
    before: line.slice(0, start),
    path: line.slice(start, end),
    expected: line.slice(end + EXPECTED.length, gotAt),
    got: line.slice(gotAt + GOT.length),
  };
}

function describe(object: KubernetesObject, path: FilledField['path'], expected: string, got: string): string {
  const filled = object[FILLED_FIELDS]?.find((one) => one.isRetyped && one.path.join('\0') === path.join('\0'));
  const advice = filled === undefined ? '; quote it' : adviseOnVariables(filled.variables);
  return `.${path.join('.')}: expected ${expected}, got ${got}${advice}`;
}

/** Go prints a value as `&value.valueUnstructured{Value:42}`, or only its type. */
function typeInGo(got: string): string {
  const printed = /^&(?:value\.valueUnstructured)?\{(?:Value:)?(.*)$/.exec(got)?.[1];
  if (printed === undefined) return /^[\w. ]{1,20}$/.test(got) ? got : 'something else';
  if (printed.startsWith('"') || printed.startsWith('`')) return 'string';
  if (printed.startsWith('map[')) return 'map';
  if (printed.startsWith('[]')) return 'list';
  if (/^(?:true|false)\}/.test(printed)) return 'boolean';
  return printed.startsWith('interface {}(nil)') ? 'null' : 'number';
}

/** Whether a server's path, which names an item of a list by its keys, is that of a field. */
function isAt(filled: FilledField, path: string, object: KubernetesObject): boolean {
  let rest = path;
  let value: unknown = object;
  for (const part of filled.path) {
    if (typeof part === 'string') {
      if (!rest.startsWith(`.${part}`)) return false;
      rest = rest.slice(part.length + 1);
      value = isRecord(value) ? value[part] : undefined;
    } else {
      const selector = /^\[([^\]]*)\]/.exec(rest);
      value = Array.isArray(value) ? value[part] : undefined;
      if (selector === null || !selects(selector[1] ?? '', part, value)) return false;
      rest = rest.slice(selector[0].length);
    }
  }
  return rest === '';
}

function selects(selector: string, index: number, item: unknown): boolean {
  if (/^[0-9]+$/.test(selector)) return Number(selector) === index;
  return selector.split(',').every((pair) => {
    const [key = '', wanted = ''] = pair.split('=');
    const held = isRecord(item) ? item[key] : undefined;
    return held === undefined || formatExactJson(held).replaceAll('"', '') === wanted.replaceAll('"', '');
  });
}
