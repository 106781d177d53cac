import { isDeepStrictEqual } from 'node:util';
import type { Document, YAMLMap, YAMLSeq } from 'yaml';
import { isCollection, isMap, isNode, isScalar, isSeq, parseDocument } from 'yaml';

import { spellString } from './splice-scalar.ts';

/** What is written into a file: lists of texts and no nothing, so that it has one spelling. */
export type NewValue = string | number | readonly string[] | NewMap;
interface NewMap {
  readonly [key: string]: NewValue;
}

/** An item for a list that stands below a key of the file's root. */
export interface NewEntry {
  readonly in: string;
  readonly item: NewMap;
}

export type AppendedEntry = { readonly text: string } | { readonly fault: string };

type Parsed = Document.Parsed;
type Collection = YAMLMap | YAMLSeq;
interface Insertion {
  readonly at: number;
  readonly text: string;
}

const STEP = 2;

/**
 * Adds one entry after the last one of a list, in the style and indentation of its neighbors. Every byte that
 * was there stays; a file in which that cannot be done for certain is left alone, with the reason.
 */
export function appendEntry(text: string, entry: NewEntry): AppendedEntry {
  const before = parseDocument(text, { keepSourceTokens: true, prettyErrors: false, uniqueKeys: false });
  const [error] = before.errors;
  if (error !== undefined) return { fault: `is not valid YAML: ${error.message}` };
  const root = before.contents;
  if (!isMap(root)) return { fault: 'holds no mapping' };
  const insertions = planInsertions(text, root, entry);
  if ('fault' in insertions) return insertions;
  const after = insertions
    .toSorted((one, other) => other.at - one.at)
    .reduce((result, { at, text: added }) => result.slice(0, at) + added + result.slice(at), text);
  return saysExactly(after, before, entry) ? { text: after } : { fault: `cannot be extended safely below ${entry.in}` };
}

function planInsertions(
  text: string,
  root: YAMLMap,
  entry: NewEntry,
): readonly Insertion[] | { readonly fault: string } {
  const pair = root.items.find(({ key }) => isScalar(key) && key.value === entry.in);
  if (pair === undefined) {
    if (root.flow === true) return insertInFlow(text, root, `${entry.in}: [ ${flowOf(entry.item)} ]`);
    return insertLines(text, endOf(root), [`${pad(columnOfKeys(text, root))}${entry.in}:`, ...childLines(entry, STEP)]);
  }
  const node = pair.value;
  if (isScalar(node) && node.value === null) {
    if (root.flow === true || (node.source ?? '') !== '' || !isNode(pair.key)) {
      return { fault: `holds nothing in ${entry.in}; take the key out` };
    }
    return insertLines(text, pair.key.range?.[1] ?? 0, childLines(entry, columnOfKeys(text, root) + STEP));
  }
  if (!isSeq(node)) return { fault: `holds something else than a list in ${entry.in}` };
  if (node.flow === true || node.items.length === 0) return insertInFlow(text, node, flowOf(entry.item));
  return insertLines(text, endOf(node), itemLines(text, node, entry));
}

/** As the last item is written: in braces, or a line a field. */
function itemLines(text: string, list: YAMLSeq, entry: NewEntry): readonly string[] {
  const dash = columnOfDashes(text, list);
  const last = list.items.at(-1);
  if (!isMap(last)) return childLines(entry, dash);
  if (last.flow === true) return [`${pad(dash)}- ${flowOf(entry.item)}`];
  return blockItem(entry.item, dash, columnOfKeys(text, last));
}

function childLines(entry: NewEntry, column: number): readonly string[] {
  return blockItem(entry.item, column, column + STEP);
}

function blockItem(item: NewMap, dash: number, column: number): readonly string[] {
  const [first = '', ...others] = blockLines(item, column);
  return [`${pad(dash)}-${first.slice(dash + 1)}`, ...others];
}

function blockLines(value: NewMap, column: number): readonly string[] {
  return Object.entries(value).flatMap(([key, item]) =>
    typeof item === 'object' && !isList(item)
      ? [`${pad(column)}${key}:`, ...blockLines(item, column + STEP)]
      : [`${pad(column)}${key}: ${flowOf(item)}`],
  );
}

function flowOf(value: NewValue): string {
  if (isList(value)) return `[ ${value.map(scalarOf).join(', ')} ]`;
  if (typeof value !== 'object') return scalarOf(value);
  const fields = Object.entries(value).map(([key, item]) => `${key}: ${flowOf(item)}`);
  return `{ ${fields.join(', ')} }`;
}

/** `Array.isArray` does not know lists that are read only. */
function isList(value: NewValue): value is readonly string[] {
  return Array.isArray(value);
}

function scalarOf(value: string | number): string {
  return typeof value === 'number' ? String(value) : spellString(value);
}

function insertLines(text: string, after: number, lines: readonly string[]): readonly Insertion[] {
  const eol = text.includes('\r\n') ? '\r\n' : '\n';
  const block = lines.join(eol);
  if (after > 0 && text[after - 1] === '\n') return [{ at: after, text: `${block}${eol}` }];
  const end = text.indexOf('\n', after);
  return end === -1 ? [{ at: text.length, text: `${eol}${block}` }] : [{ at: end + 1, text: `${block}${eol}` }];
}

function insertInFlow(text: string, node: Collection, entry: string): readonly Insertion[] {
  const [open, close] = [node.range?.[0] ?? 0, (node.range?.[1] ?? 0) - 1];
  const last = node.items.at(-1);
  if (last === undefined) {
    const space = /\s/u.test(text.charAt(open + 1)) ? '' : ' ';
    return [{ at: open + 1, text: ` ${entry}${space}` }];
  }
  const end = endOf(last);
  const comma = /^[ \t]*,/u.exec(text.slice(end, close))?.[0];
  const afterComma = end + (comma?.length ?? 0);
  const start = startOf(last);
  const line = text.lastIndexOf('\n', start - 1) + 1;
  const indentation = text.slice(line, start);
  const eol = /^[ \t]*(?:#[^\n]*?)?(\r?\n)/u.exec(text.slice(afterComma, close));
  if (!/^[ \t]*$/u.test(indentation) || line <= open || eol === null) {
    return [comma === undefined ? { at: end, text: `, ${entry}` } : { at: afterComma, text: ` ${entry}` }];
  }
  const nextLine = {
    at: afterComma + eol[0].length,
    text: `${indentation}${entry}${comma ? ',' : ''}${eol[1] ?? '\n'}`,
  };
  return comma === undefined ? [{ at: end, text: ',' }, nextLine] : [nextLine];
}

function startOf(entry: unknown): number {
  const node = hasKey(entry) ? entry.key : entry;
  return isNode(node) ? (node.range?.[0] ?? 0) : 0;
}

/** Where the last character of a node stands that means something. */
function endOf(entry: unknown): number {
  if (hasKey(entry)) return Math.max(endOf(entry.key), endOf(entry.value));
  if (isCollection(entry) && entry.flow !== true && entry.items.length > 0) return endOf(entry.items.at(-1));
  if (!isNode(entry)) return 0;
  // The place of a value that was left out may lie lines below its key.
  if (isScalar(entry) && entry.source === '' && entry.type === 'PLAIN') return 0;
  return entry.range?.[1] ?? 0;
}

function hasKey(entry: unknown): entry is { readonly key: unknown; readonly value: unknown } {
  return typeof entry === 'object' && entry !== null && !isNode(entry) && 'key' in entry && 'value' in entry;
}

function columnOfKeys(text: string, map: YAMLMap): number {
  return columnOf(text, startOf(map.items[0]));
}

function columnOfDashes(text: string, list: YAMLSeq): number {
  const token = list.srcToken;
  const dash =
    token?.type === 'block-seq' ? token.items[0]?.start.find(({ type }) => type === 'seq-item-ind') : undefined;
  return columnOf(text, dash?.offset ?? startOf(list.items[0]));
}

function columnOf(text: string, offset: number): number {
  return offset - (text.lastIndexOf('\n', offset - 1) + 1);
}

function pad(column: number): string {
  return ' '.repeat(column);
}

function saysExactly(after: string, before: Parsed, entry: NewEntry): boolean {
  const document = parseDocument(after, { prettyErrors: false, uniqueKeys: false });
  if (document.errors.length > 0) return false;
  const old: unknown = before.toJS();
  const held: unknown = typeof old === 'object' && old !== null ? Reflect.get(old, entry.in) : undefined;
  const list: readonly unknown[] = Array.isArray(held) ? held : [];
  return isDeepStrictEqual(document.toJS(), { ...asObject(old), [entry.in]: [...list, entry.item] });
}

function asObject(value: unknown): object {
  return typeof value === 'object' && value !== null ? value : {};
}
