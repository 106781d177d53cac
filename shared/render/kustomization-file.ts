import { isMap, isNode, isSeq, LineCounter, parseDocument } from 'yaml';

import { isRecord } from '#shared/common/is-record.ts';
import type { Problem } from '#shared/common/problem.ts';
import type { SourceTree } from '#shared/common/source-tree.ts';
import { describeError } from '#shared/common/tidegate-error.ts';
import { formatFieldPath, type FieldPath } from '#shared/yaml-edit/field-path.ts';

import { parseKubernetesYaml } from './parse-kubernetes-yaml.ts';

/** The names kustomize looks for in a folder, in its order. */
export const KUSTOMIZATION_NAMES: readonly string[] = ['kustomization.yaml', 'kustomization.yml', 'Kustomization'];

const MAX_BYTES = 1024 * 1024;

/** A kustomization file as read. */
export interface KustomizationFile {
  readonly file: string;
  readonly text: string;
  readonly value: Readonly<Record<string, unknown>>;
  /** Where a field stands, for problems, which few files have: only then it is read for its places, and only once. */
  readonly placeOf: (field: FieldPath) => { readonly line: number; readonly col: number } | undefined;
}

/** The kustomization file of a folder, if there is one. */
export function findKustomizationFile(files: SourceTree, folder: string): string | undefined {
  return KUSTOMIZATION_NAMES.map((name) => joinPath(folder, name)).find((path) => files.has(path));
}

/** Reads a kustomization file, or says why it cannot be read. */
export function readKustomizationFile(
  files: SourceTree,
  file: string,
): KustomizationFile | { readonly problem: Problem } {
  const bytes = files.get(file)?.bytes ?? new Uint8Array();
  if (bytes.length > MAX_BYTES) {
    return { problem: { file, field: '', message: `has ${bytes.length} bytes; at most ${MAX_BYTES} are read` } };
  }
  const text = decodeStrictly(bytes);
  if (text === undefined) {
    const message =
      'is not plain UTF-8 text, or holds a line break of Unicode or a NUL; save it as UTF-8 with plain line breaks';
    return { problem: { file, field: '', message } };
  }
  let documents: readonly unknown[];
  try {
    documents = parseKubernetesYaml(text);
  } catch (error) {
    return { problem: { file, field: '', ...placeIn(describeError(error).split('\n')[0] ?? '') } };
  }
  // kustomize reads the first document and says nothing of the others; what only ends in `---` has no others.
  if (documents.slice(1).some((document) => document !== null && document !== undefined)) {
    const message = `has ${documents.length} documents; kustomize reads only one, remove the others`;
    return { problem: { file, field: '', message } };
  }
  const value = documents[0] ?? {};
  return isRecord(value)
    ? { file, text, value, placeOf: lazyPlaces(text) }
    : { problem: { file, line: 1, field: '', message: 'is not a mapping; allowed is a kustomization' } };
}

/** Takes the place out of a parser's words, which end with it: `bad indentation (3:7)`. */
function placeIn(words: string): Pick<Problem, 'line' | 'column' | 'message'> {
  const { message, line, column } = /^(?<message>.*) \((?<line>\d+):(?<column>\d+)\)$/.exec(words)?.groups ?? {};
  return message === undefined ? { message: words } : { line: Number(line), column: Number(column), message };
}

/**
 * The text of a file whose references are followed, if there is only one way to read it. kustomize's parser ends a line at
 * U+0085, U+2028 and U+2029 and reads UTF-16, ours does neither: what is a comment here would be a reference there.
 */
export function decodeStrictly(bytes: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return hasForeignLineBreaks(text) ? undefined : text;
  } catch {
    return undefined;
  }
}

/** Whether a text holds what ends a line, or the text, for kustomize's parser alone. */
export function hasForeignLineBreaks(text: string): boolean {
  return ['\0', '\u0085', '\u2028', '\u2029'].some((character) => text.includes(character));
}

/** A problem at a field of a kustomization file. */
export function problemInFile(source: KustomizationFile, field: FieldPath, message: string): Problem {
  const place = source.placeOf(field);
  return {
    file: source.file,
    ...(place !== undefined && { line: place.line, column: place.col }),
    field: formatFieldPath(field),
    message,
  };
}

function lazyPlaces(text: string): KustomizationFile['placeOf'] {
  const lines = new LineCounter();
  let document: ReturnType<typeof parseDocument> | undefined;
  return (field) => {
    document ??= parseDocument(text, { lineCounter: lines, logLevel: 'silent', uniqueKeys: false });
    let node: unknown = document.contents;
    let offset: number | undefined;
    for (const part of field) {
      if (isMap(node)) {
        const pair = node.items.find((item) => isNode(item.key) && 'value' in item.key && item.key.value === part);
        offset = isNode(pair?.key) ? (pair.key.range?.[0] ?? offset) : offset;
        node = pair?.value;
      } else if (isSeq(node) && typeof part === 'number') {
        node = node.items[part];
        offset = isNode(node) ? (node.range?.[0] ?? offset) : offset;
      }
    }
    const place = offset === undefined ? undefined : lines.linePos(offset);
    return place === undefined || place.line === 0 ? undefined : place;
  };
}

/** Joins a folder of the tree and a relative path; nothing when the result lies outside the tree. */
export function resolvePath(folder: string, path: string): string | undefined {
  const parts = folder === '' ? [] : folder.split('/');
  for (const part of path.split('/')) {
    if (part === '..') {
      if (parts.pop() === undefined) return undefined;
    } else if (part !== '.' && part !== '') {
      parts.push(part);
    }
  }
  return parts.join('/');
}

/** `folder/name`, where the tree's root is the empty text. */
export function joinPath(folder: string, name: string): string {
  return folder === '' ? name : `${folder}/${name}`;
}
