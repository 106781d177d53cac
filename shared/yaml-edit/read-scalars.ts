import { isAlias, isMap, isScalar, isSeq, Lexer, LineCounter, parseAllDocuments, visit, type Document } from 'yaml';

/** One value of a YAML file, with the characters that spell it. */
export interface ScalarToken {
  readonly path: string;
  readonly kind: 'plain' | 'single-quoted' | 'double-quoted' | 'block' | 'alias';
  /** Offsets in the text, quotes included. */
  readonly start: number;
  readonly end: number;
  /** What YAML makes of it. */
  readonly resolved: unknown;
  /** The characters of the value, without quotes and escapes. */
  readonly value: string;
}

/** A YAML text taken apart, as far as editing needs it. */
export interface YamlText {
  readonly scalars: readonly ScalarToken[];
  readonly comments: readonly { readonly start: number; readonly text: string }[];
  readonly lineOf: (offset: number) => number;
  /** Whether SOPS has encrypted one of the documents. */
  readonly encrypted: boolean;
}

/** Marks of the lexer that stand for no character of the text. */
const LEXER_MARKS = new Set(['\u0002', '\u0018', '\u001F']);
const SCALAR_FOLLOWS = '\u001F';

/** @returns the first fault, with its line, when the text is not YAML that we can edit safely. */
export function readScalars(text: string): YamlText | { readonly fault: string; readonly line?: number } {
  const lines = new LineCounter();
  try {
    const documents = parseAllDocuments(text, {
      lineCounter: lines,
      prettyErrors: false,
      logLevel: 'silent',
      // Its own check compares each key with every other; `findDuplicate` does not.
      uniqueKeys: false,
    });
    const scalars: ScalarToken[] = [];
    let encrypted = false;
    for (const [index, document] of [...documents].entries()) {
      const [error] = document.errors;
      if (error !== undefined) return { fault: error.message, line: lines.linePos(error.pos[0]).line };
      const duplicate = findDuplicate(document);
      if (duplicate !== undefined) return { fault: 'Map keys must be unique', line: lines.linePos(duplicate).line };
      collect(document.contents, index === 0 ? '' : `${index}:`, scalars);
      encrypted ||= document.hasIn(['sops', 'mac']);
    }
    return { scalars, comments: readComments(text), lineOf: (offset) => lines.linePos(offset).line, encrypted };
  } catch (error) {
    // Nesting deep enough to exhaust the stack ends here.
    return { fault: error instanceof RangeError ? 'nested too deeply' : String(error) };
  }
}

/** Where a key stands that its map has already. */
function findDuplicate(document: Document.Parsed): number | undefined {
  let duplicate: number | undefined;
  visit(document, {
    Map(_, map) {
      const keys = new Set<unknown>();
      for (const { key } of map.items) {
        if (!isScalar(key)) continue;
        if (keys.has(key.value) && key.value !== '<<') {
          duplicate = key.range?.[0] ?? 0;
          return visit.BREAK;
        }
        keys.add(key.value);
      }
      return undefined;
    },
  });
  return duplicate;
}

function collect(node: Document['contents'], path: string, into: ScalarToken[]): void {
  if (isMap(node)) {
    for (const pair of node.items) {
      const key = isScalar(pair.key) ? String(pair.key.value) : '?';
      collect(pair.value as Document['contents'], `${path}${separator(path)}${formatKey(key)}`, into);
    }
  } else if (isSeq(node)) {
    for (const [index, item] of node.items.entries()) collect(item as Document['contents'], `${path}[${index}]`, into);
  } else if (isAlias(node) && node.range) {
    const [start, end] = node.range;
    into.push({ path, kind: 'alias', start, end, resolved: undefined, value: `*${node.source}` });
  } else if (isScalar(node) && node.range) {
    const [start, end] = node.range;
    const kind = kindOf(node.type);
    const value = typeof node.value === 'string' ? node.value : (node.source ?? '');
    into.push({ path, kind, start, end, resolved: node.value, value });
  }
}

function readComments(text: string): readonly { readonly start: number; readonly text: string }[] {
  const comments: { start: number; text: string }[] = [];
  let offset = 0;
  let scalar = false;
  for (const lexeme of new Lexer().lex(text)) {
    if (!scalar && LEXER_MARKS.has(lexeme)) {
      scalar = lexeme === SCALAR_FOLLOWS;
      continue;
    }
    if (!scalar && lexeme.startsWith('#')) comments.push({ start: offset, text: lexeme });
    scalar = false;
    offset += lexeme.length;
  }
  return comments;
}

function kindOf(type: string | undefined): ScalarToken['kind'] {
  if (type === 'QUOTE_SINGLE') return 'single-quoted';
  if (type === 'QUOTE_DOUBLE') return 'double-quoted';
  return type === 'BLOCK_LITERAL' || type === 'BLOCK_FOLDED' ? 'block' : 'plain';
}

function separator(path: string): string {
  return path === '' || path.endsWith(':') ? '' : '.';
}

function formatKey(key: string): string {
  return /^[\w$/-]+$/u.test(key) ? key : JSON.stringify(key);
}
