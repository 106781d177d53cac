import { formatExactJson } from '#shared/common/exact-json.ts';
import { isRecord } from '#shared/common/is-record.ts';
import type { FieldPath } from '#shared/yaml-edit/field-path.ts';

/** Deeper than any field of any kind. */
const MAX_PARTS = 64;
const PART = /\.?(?:([^.[\]"]+)|\[([^\]"]*(?:"(?:[^"\\]|\\.)*"[^\]"]*)*)\])/uy;

/**
 * Reads the path of a field as an API server writes it: `.spec.ports[0].port`, `.spec.containers[name="app"].image`,
 * `data[password]`. An item that is named by its keys is found in `object`; where the path cannot be followed, it ends.
 */
export function pathInObject(text: string, object: unknown): FieldPath {
  const path: (string | number)[] = [];
  let value = object;
  PART.lastIndex = 0;
  for (let parts = 0; parts < MAX_PARTS && PART.lastIndex < text.length; parts++) {
    const match = PART.exec(text);
    if (match === null) break;
    const [, name, selector] = match;
    const step = name ?? select(selector ?? '', value);
    if (step === undefined) break;
    path.push(step);
    value =
      isRecord(value) || Array.isArray(value) ? (value as Readonly<Record<string | number, unknown>>)[step] : undefined;
  }
  return path;
}

/** `0`, `name="app"`, `protocol="TCP",port=80`, or the key of a map. */
function select(selector: string, value: unknown): string | number | undefined {
  if (!Array.isArray(value)) return /^[0-9]+$/.test(selector) && value === undefined ? Number(selector) : selector;
  if (/^[0-9]+$/.test(selector)) return Number(selector);
  const keys = [...selector.matchAll(/([\w-]+)=("(?:[^"\\]|\\.)*"|[^,]*)/gu)];
  if (keys.length === 0) return undefined;
  const index = value.findIndex((item: unknown) =>
    keys.every(([, key = '', wanted = '']) => {
      const held = isRecord(item) ? item[key] : undefined;
      // The server fills in a default that Git does not write.
      return held === undefined || formatExactJson(held).replaceAll('"', '') === wanted.replaceAll('"', '');
    }),
  );
  return index < 0 ? undefined : index;
}
