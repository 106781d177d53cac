import { isAlias, isMap, isNode, isPair, isSeq, LineCounter, parseAllDocuments } from 'yaml';

import type { SourceTree } from '#shared/common/source-tree.ts';
import type { FieldLocator, FieldPath, FieldPlace } from '#shared/yaml-edit/field-path.ts';

import { parseApiVersion, type ObjectId } from './kubernetes-object.ts';

const MAX_FILE_BYTES = 4 * 1024 * 1024;

/**
 * Finds an object's fields again in the YAML files of a tree by the object's identity. Rendering loses positions, so
 * this is read only when there is a problem to report. What is not found was generated or patched: the answer is then
 * the kustomization file, without a line.
 */
export function createFieldLocator(request: {
  readonly files: SourceTree;
  readonly id: ObjectId;
  /** Folder whose files are looked through first. */
  readonly folder: string;
  readonly kustomizationFile: string;
}): FieldLocator {
  let found: SourceObject | 'nowhere' | undefined;
  return function locate(field, expect) {
    found ??= findSourceObject(request.files, request.id, request.folder) ?? 'nowhere';
    if (found === 'nowhere') return { file: request.kustomizationFile };
    const offset = offsetOf(found.root, field, expect);
    if (offset === undefined) return { file: request.kustomizationFile };
    const { line, col } = found.lines.linePos(offset);
    return { file: found.file, line, column: col };
  };
}

/** Every place of a tree where an object of one identity begins: more than one when people wrote it twice. */
export function locateObject(request: {
  readonly files: SourceTree;
  readonly id: ObjectId;
  /** Folder whose files are named first. */
  readonly folder: string;
}): readonly FieldPlace[] {
  return findSourceObjects(request.files, request.id, request.folder).flatMap((found) => {
    const offset = startOf(found.root);
    if (offset === undefined) return [];
    const { line, col } = found.lines.linePos(offset);
    return [{ file: found.file, line, column: col }];
  });
}

interface SourceObject {
  readonly file: string;
  readonly root: unknown;
  readonly lines: LineCounter;
}

function findSourceObject(files: SourceTree, id: ObjectId, folder: string): SourceObject | undefined {
  for (const file of filesByNearness(files, folder)) {
    const [found] = findInFile(file, files, id);
    if (found !== undefined) return found;
  }
  return undefined;
}

function findSourceObjects(files: SourceTree, id: ObjectId, folder: string): readonly SourceObject[] {
  return filesByNearness(files, folder).flatMap((file) => findInFile(file, files, id));
}

function filesByNearness(files: SourceTree, folder: string): readonly string[] {
  const prefix = folder === '' || folder === '.' ? '' : `${folder.replace(/\/$/, '')}/`;
  const paths = [...files.keys()].filter((path) => /\.ya?ml$/.test(path));
  const near = paths.filter((path) => path.startsWith(prefix)).sort();
  const far = paths.filter((path) => !path.startsWith(prefix)).sort();
  return [...near, ...far];
}

function findInFile(file: string, files: SourceTree, id: ObjectId): readonly SourceObject[] {
  const bytes = files.get(file)?.bytes;
  if (bytes === undefined || bytes.length > MAX_FILE_BYTES) return [];
  const text = Buffer.from(bytes).toString('utf8');
  if (!text.includes(id.name) || !text.includes(id.kind)) return [];
  const lines = new LineCounter();
  try {
    return parseAllDocuments(text, { lineCounter: lines, logLevel: 'silent', uniqueKeys: false }).flatMap((document) =>
      membersOf(document.contents)
        .filter((member) => isTheObject(member, id))
        .map((root) => ({ file, root, lines })),
    );
  } catch {
    // A file that cannot be parsed, however it breaks the parser, did not render this object.
    return [];
  }
}

/** The objects of one document: itself, and the items of a List. */
function membersOf(root: unknown): readonly unknown[] {
  const items = valueAt(root, 'items');
  return isSeq(items) ? [root, ...items.items] : [root];
}

function isTheObject(root: unknown, id: ObjectId): boolean {
  const metadata = valueAt(root, 'metadata');
  const apiVersion = scalarAt(root, 'apiVersion');
  const namespace = scalarAt(metadata, 'namespace');
  return (
    apiVersion !== undefined &&
    parseApiVersion(apiVersion).group === id.group &&
    scalarAt(root, 'kind') === id.kind &&
    scalarAt(metadata, 'name') === id.name &&
    // A namespace is often set by the kustomization, not in the file.
    (namespace === undefined || namespace === id.namespace)
  );
}

function offsetOf(root: unknown, field: FieldPath, expect: 'present' | 'missing'): number | undefined {
  let node = root;
  let offset = startOf(root);
  for (const part of field) {
    const step = stepInto(node, part);
    if (step === undefined) return expect === 'missing' ? offset : undefined;
    offset = step.offset ?? offset;
    node = step.value;
  }
  return offset;
}

function stepInto(
  node: unknown,
  part: string | number,
): { readonly value: unknown; readonly offset: number | undefined } | undefined {
  if (isSeq(node) && typeof part === 'number') {
    const item: unknown = node.items[part];
    return item === undefined ? undefined : { value: item, offset: startOf(item) };
  }
  if (isMap(node)) {
    const pair = node.items.find((item) => isPair(item) && keyText(item.key) === String(part));
    return pair === undefined ? undefined : { value: pair.value, offset: startOf(pair.key) };
  }
  return undefined;
}

function valueAt(node: unknown, key: string): unknown {
  return stepInto(node, key)?.value;
}

function scalarAt(node: unknown, key: string): string | undefined {
  const value = valueAt(node, key);
  return value === undefined || isAlias(value) ? undefined : keyText(value);
}

function keyText(node: unknown): string | undefined {
  if (isNode(node) && 'value' in node) {
    return typeof node.value === 'string' || typeof node.value === 'number' ? String(node.value) : undefined;
  }
  return undefined;
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined;
}
