import type { Document, ParsedNode, YAMLMap } from 'yaml';
import { isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, visit } from 'yaml';

import type { Problem } from '#shared/common/problem.ts';

/** Where in the settings something is: `['clusters', 0, 'name']`. */
export type SettingsPath = readonly (string | number)[];

/** Something wrong with a value of the settings, before anybody looked where it stands. */
export interface Finding {
  readonly path: SettingsPath;
  /** Lower case: what was found, what is allowed, what to do. */
  readonly message: string;
}

/** The text of `tidegate.yaml` with the place of everything in it. */
export interface SettingsText {
  readonly document: Document<ParsedNode>;
  /** A problem with the place of its key; for what is missing, of the nearest that is there. */
  readonly place: (finding: Finding) => Problem;
  /** Problems in the order of the file. */
  readonly placeAll: (findings: readonly Finding[]) => readonly Problem[];
  /** A problem at a place of the text. */
  readonly placeAt: (offset: number | undefined, field: string, message: string) => Problem;
}

/** Reads where everything stands in the text of the settings; looking up is the same work however many keys there are. */
export function openSettingsText(text: string, file: string): SettingsText {
  const lines = new LineCounter();
  // The parser's own look for repeated keys compares each with all.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false });
  const keysOf = new WeakMap<YAMLMap, ReadonlyMap<string, Child>>();

  function childOf(parent: unknown, part: string | number): Child | undefined {
    if (!isMap(parent)) return itemOf(parent, part);
    let keys = keysOf.get(parent);
    if (keys === undefined) {
      keys = readKeys(parent);
      keysOf.set(parent, keys);
    }
    return keys.get(String(part));
  }

  function offsetOf(path: SettingsPath): number | undefined {
    let node: unknown = document.contents;
    let offset: number | undefined = isNode(node) ? node.range?.[0] : 0;
    for (const part of path) {
      const child = childOf(node, part);
      if (child === undefined) return offset;
      ({ value: node } = child);
      offset = child.offset ?? offset;
    }
    return offset;
  }

  const placeAt: SettingsText['placeAt'] = (offset, field, message) => {
    if (offset === undefined) return { file, field, message };
    const { line, col } = lines.linePos(offset);
    return { file, line, column: col, field, message };
  };
  const place: SettingsText['place'] = ({ path, message }) =>
    placeAt(offsetOf(path), formatSettingsPath(path), message);
  return { document, place, placeAt, placeAll: (findings) => findings.map(place).toSorted(byPlace) };
}

/** What stands first in the file comes first. */
export function byPlace(left: Problem, right: Problem): number {
  return (left.line ?? 0) - (right.line ?? 0) || (left.column ?? 0) - (right.column ?? 0);
}

/** `clusters[0].name`. */
export function formatSettingsPath(path: SettingsPath): string {
  return path.reduce<string>(
    (text, part) => (typeof part === 'number' ? `${text}[${part}]` : text === '' ? part : `${text}.${part}`),
    '',
  );
}

/** The keys that stand twice in one mapping, each at its second place. */
export function findRepeatedKeys(document: Document<ParsedNode>): readonly number[] {
  const repeated: number[] = [];
  visit(document, {
    Map: (_, { items }) => {
      const seen = new Set<string>();
      for (const { key } of items) {
        if (!isScalar(key)) continue;
        const name = String(key.value);
        if (seen.has(name)) repeated.push(key.range?.[0] ?? 0);
        seen.add(name);
      }
    },
  });
  return repeated;
}

/** What stands below a key or an index, and where that key or, in a list, the item begins. */
interface Child {
  readonly value: unknown;
  readonly offset: number | undefined;
}

function readKeys({ items }: YAMLMap): ReadonlyMap<string, Child> {
  const children = new Map<string, Child>();
  for (const { key, value } of items) {
    if (!isNode(key)) continue;
    const name = String(key);
    if (!children.has(name)) children.set(name, { value, offset: key.range?.[0] });
  }
  return children;
}

function itemOf(parent: unknown, part: string | number): Child | undefined {
  const value = isSeq(parent) ? parent.items[Number(part)] : undefined;
  return value === undefined ? undefined : { value, offset: isNode(value) ? value.range?.[0] : undefined };
}
