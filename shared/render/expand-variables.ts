/** Why a text could not be expanded. */
export type Expansion =
  { readonly outcome: 'expanded'; readonly text: string } | { readonly outcome: 'refused'; readonly message: string };

const MAX_CHARACTERS = 32 * 1024 * 1024;
const MAX_DEPTH = 50;
/** Characters that may be looked at in all: a short text can ask for much with long values. */
const MAX_STEPS = 256 * 1024 * 1024;
const MAX_INT64 = 2n ** 63n - 1n;

/**
 * Expands `${…}` exactly as Flux's envsubst does: `${v}`, `${v:=default}` (also `=`, `:-`, `:+`, `:?`), `${#v}`,
 * `${v:offset:length}` in bytes, `${v/a/b}` and `//`, `/#`, `/%`, `${v#glob}` and `##`, `%`, `%%`, `${v^}`, `^^`, `,`, `,,`.
 * `$$` is a dollar sign. A variable that has neither a value nor a default is an error: an empty text would go live.
 *
 * @param noteResult told what each expression but a length came to, and of which variable.
 *
 * What it does differently, `test/parity/envsubst.test.ts` names: no character is cut in two.
 */
export function expandVariables(
  text: string,
  variables: ReadonlyMap<string, string>,
  noteResult: NoteResult = () => {},
): Expansion {
  const cursor: Cursor = { text, at: 0, depth: 0, steps: 0, variables, noteResult };
  try {
    return { outcome: 'expanded', text: expandText(cursor) };
  } catch (error) {
    if (error instanceof BadSubstitution) return { outcome: 'refused', message: error.message };
    throw error;
  }
}

export type NoteResult = (variable: string, result: string) => void;

class BadSubstitution extends Error {}

interface Cursor {
  readonly text: string;
  readonly variables: ReadonlyMap<string, string>;
  readonly noteResult: NoteResult;
  at: number;
  depth: number;
  steps: number;
}

function expandText(cursor: Cursor): string {
  const parts: string[] = [];
  let length = 0;
  while (cursor.at < cursor.text.length) {
    const next = cursor.text.indexOf('$', cursor.at);
    const end = next < 0 ? cursor.text.length : next;
    parts.push(cursor.text.slice(cursor.at, end));
    cursor.at = end;
    if (next >= 0) {
      parts.push(expandDollar(cursor));
    }
    length += (parts.at(-1)?.length ?? 0) + (parts.at(-2)?.length ?? 0);
    refuseLonger(length);
  }
  return parts.join('');
}

function expandDollar(cursor: Cursor): string {
  const following = cursor.text[cursor.at + 1];
  if (following === '{') return expandExpression(cursor);
  cursor.at += following === '$' ? 2 : 1;
  return '$';
}

/** One expression, from its `${` to its `}`. */
function expandExpression(cursor: Cursor): string {
  const start = cursor.at;
  cursor.at += 2;
  cursor.depth += 1;
  if (cursor.depth > MAX_DEPTH) {
    throw new BadSubstitution(`nests more than ${MAX_DEPTH} substitutions at ${excerpt(cursor.text, start)}`);
  }
  const measured = accept(cursor, '#');
  const name = readName(cursor, start);
  const value = measured ? String(byteLength(cursor, valueOf(cursor, name))) : applyOperator(cursor, name, start);
  if (!accept(cursor, '}')) throw bad(cursor, start);
  cursor.depth -= 1;
  if (!measured) cursor.noteResult(name, value);
  return value;
}

function applyOperator(cursor: Cursor, name: string, start: number): string {
  switch (peek(cursor) ?? '') {
    case '}':
      return valueOf(cursor, name);
    case ':':
      return '=-?+'.includes(cursor.text[cursor.at + 1] ?? ' ')
        ? withDefault(cursor, name, 2, start)
        : substring(cursor, name, start);
    case '=':
      return withDefault(cursor, name, 1, start);
    case ',':
    case '^':
      return changeCase(cursor, name);
    case '/':
      return replace(cursor, name, start);
    case '#':
    case '%':
      return trim(cursor, name, start);
    default:
      throw bad(cursor, start);
  }
}

function readName(cursor: Cursor, start: number): string {
  const match = /[\p{L}\p{Nd}_]+/uy;
  match.lastIndex = cursor.at;
  const name = match.exec(cursor.text)?.[0];
  if (name === undefined) throw bad(cursor, start);
  cursor.at += name.length;
  return name;
}

/** The default is read, and has to be good, whether it is needed or not. */
function withDefault(cursor: Cursor, name: string, operatorLength: number, start: number): string {
  cursor.at += operatorLength;
  let fallback = '';
  while (peek(cursor) !== '}') {
    fallback += readArgument(cursor, '}', 'plain', start);
    refuseLonger(fallback.length);
  }
  const value = cursor.variables.get(name) ?? '';
  return value === '' ? fallback : value;
}

/** One argument: an expression alone, or text up to a closing character or the next expression. It is never empty. */
function readArgument(cursor: Cursor, closing: string, mode: 'plain' | 'escapes', start: number): string {
  if (cursor.text.startsWith('${', cursor.at)) return expandExpression(cursor);
  const from = cursor.at;
  let text = '';
  while (cursor.at < cursor.text.length) {
    const character = cursor.text[cursor.at] ?? '';
    const following = cursor.text[cursor.at + 1];
    if (character === '$' && following === '{') break;
    if (mode === 'escapes' && isEscape(character, following)) {
      text += following;
      cursor.at += 2;
    } else if (closing.includes(character)) {
      break;
    } else {
      text += character;
      cursor.at += 1;
    }
  }
  if (cursor.at === from) throw bad(cursor, start);
  return text;
}

function isEscape(character: string, following: string | undefined): following is string {
  return (character === '\\' && (following === '/' || following === '\\')) || (character === '$' && following === '$');
}

function substring(cursor: Cursor, name: string, start: number): string {
  cursor.at += 1;
  // envsubst steps back by the width of the character that it looked at, and loses its place at a wide one.
  if ((peek(cursor) ?? '') > '\u007F') throw bad(cursor, start);
  const offset = integer(readArgument(cursor, ':}', 'plain', start));
  let length: bigint | 'none' | undefined = 'none';
  if (accept(cursor, ':')) {
    skipAll(cursor, ':');
    length = integer(readArgument(cursor, '}', 'plain', start));
  }
  const value = valueOf(cursor, name);
  if (offset === undefined || length === undefined) return value;
  const all = BigInt(byteLength(cursor, value));
  const from = offset < 0n ? larger(0n, all + offset) : offset;
  if (length !== 'none' && from + length > MAX_INT64) throw bad(cursor, start);
  const to = length === 'none' ? all : length < 0n ? all + length : smaller(all, from + length);
  return to <= from ? '' : cut(cursor, value, Number(from), Number(to), start);
}

/** Bytes of a text. Half a character is no text; Flux notices when it reads the YAML, or writes a replacement character. */
function cut(cursor: Cursor, value: string, from: number, to: number, start: number): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(value).subarray(from, to));
  } catch {
    throw new BadSubstitution(
      `cuts a character in two at ${excerpt(cursor.text, start)}: offset and length count bytes, in UTF-8`,
    );
  }
}

function replace(cursor: Cursor, name: string, start: number): string {
  cursor.at += 1;
  const scope = ['/', '#', '%'].find((character) => accept(cursor, character));
  const pattern = readArgument(cursor, '/', 'escapes', start);
  if (!accept(cursor, '/')) throw bad(cursor, start);
  skipAll(cursor, '/');
  const replacement = peek(cursor) === '}' ? undefined : readArgument(cursor, '}', 'escapes', start);
  const value = valueOf(cursor, name);
  spend(cursor, value.length);
  switch (scope ?? '') {
    case '/':
      return replaceAll(value, pattern, replacement ?? '');
    // With nothing to put there, envsubst leaves the beginning and the end as they are.
    case '#':
      return replacement !== undefined && value.startsWith(pattern) ? replacement + value.slice(pattern.length) : value;
    case '%':
      return replacement !== undefined && value.endsWith(pattern)
        ? value.slice(0, value.length - pattern.length) + replacement
        : value;
    default: {
      const at = value.indexOf(pattern);
      return at < 0 ? value : value.slice(0, at) + (replacement ?? '') + value.slice(at + pattern.length);
    }
  }
}

function replaceAll(value: string, pattern: string, replacement: string): string {
  // An empty pattern stands before each character, and at the end.
  const parts = pattern === '' ? ['', ...Array.from(value), ''] : value.split(pattern);
  refuseLonger(value.length + (parts.length - 1) * replacement.length);
  return parts.join(replacement);
}

/** Cuts what matches a glob off the beginning (`#`) or the end (`%`): the shortest match, or the longest with a doubled sign. */
function trim(cursor: Cursor, name: string, start: number): string {
  const sign = peek(cursor) ?? '';
  cursor.at += 1;
  const longest = accept(cursor, sign);
  const pattern = Array.from(readArgument(cursor, '}', 'plain', start));
  const value = valueOf(cursor, name);
  const fromEnd = sign === '%';
  // envsubst turns the glob around letter by letter, too: `%[ab]` looks for the glob `]ba[`, which is none.
  const tokens = globTokens(fromEnd ? pattern.toReversed() : pattern);
  if (tokens === undefined) return value;
  spend(cursor, value.length * (tokens.length + 1));
  const characters = Array.from(value);
  const lengths = matchingPrefixes(fromEnd ? characters.toReversed() : characters, tokens);
  const cutOff = (longest ? lengths.at(-1) : lengths[0]) ?? 0;
  return (fromEnd ? characters.slice(0, characters.length - cutOff) : characters.slice(cutOff)).join('');
}

type GlobToken = 'any' | ((character: string) => boolean);

/** `*`, `?`, `[a-z]`, `[^a-z]` and `\` before what is meant literally; undefined for what is no glob. */
function globTokens(pattern: readonly string[]): readonly GlobToken[] | undefined {
  const tokens: GlobToken[] = [];
  for (let index = 0; index < pattern.length; index += 1) {
    const character = pattern[index];
    if (character === '*') {
      tokens.push('any');
    } else if (character === '?') {
      tokens.push(() => true);
    } else if (character === '[') {
      const group = readCharacterClass(pattern, index + 1);
      if (group === undefined) return undefined;
      tokens.push(group.token);
      index = group.end;
    } else {
      const literal = character === '\\' ? pattern[(index += 1)] : character;
      if (literal === undefined) return undefined;
      tokens.push((one) => one === literal);
    }
  }
  return tokens;
}

/** A class and where its `]` is. It holds at least one character, and `-` and `]` only behind a `\`. */
function readCharacterClass(
  pattern: readonly string[],
  from: number,
): { readonly token: GlobToken; readonly end: number } | undefined {
  const negated = pattern[from] === '^';
  const ranges: { readonly low: number; readonly high: number }[] = [];
  let at = negated ? from + 1 : from;
  const readMember = (): number | undefined => {
    const isEscaped = pattern[at] === '\\';
    const member = pattern[isEscaped ? at + 1 : at];
    if (!isEscaped && (member === '-' || member === ']')) return undefined;
    at += isEscaped ? 2 : 1;
    return member?.codePointAt(0);
  };
  while (pattern[at] !== ']' || ranges.length === 0) {
    const low = readMember();
    let high = low;
    if (pattern[at] === '-') {
      at += 1;
      high = readMember();
    }
    if (low === undefined || high === undefined) return undefined;
    ranges.push({ low, high });
  }
  const token = (character: string): boolean => {
    const point = character.codePointAt(0) ?? 0;
    return ranges.some(({ low, high }) => low <= point && point <= high) !== negated;
  };
  return { token, end: at };
}

/** Lengths of the non-empty prefixes that match, shortest first. All states advance at once, so that no pattern is slow. */
function matchingPrefixes(characters: readonly string[], tokens: readonly GlobToken[]): readonly number[] {
  const lengths: number[] = [];
  let states = closure(new Set([0]), tokens);
  for (const [index, character] of characters.entries()) {
    const next = new Set<number>();
    for (const state of states) {
      const token = tokens[state];
      if (token === 'any') {
        next.add(state);
      } else if (token?.(character) === true) {
        next.add(state + 1);
      }
    }
    states = closure(next, tokens);
    if (states.size === 0) break;
    if (states.has(tokens.length)) {
      lengths.push(index + 1);
    }
  }
  return lengths;
}

/** A `*` may match nothing. */
function closure(states: Set<number>, tokens: readonly GlobToken[]): Set<number> {
  for (const state of states) {
    if (tokens[state] === 'any') {
      states.add(state + 1);
    }
  }
  return states;
}

function changeCase(cursor: Cursor, name: string): string {
  const first = peek(cursor) ?? '';
  cursor.at += 1;
  const second = [',', '^'].find((sign) => accept(cursor, sign));
  const value = valueOf(cursor, name);
  spend(cursor, value.length);
  const change = first === '^' ? upperCase : lowerCase;
  if (second === undefined) {
    const [initial = ''] = value;
    return change(initial) + value.slice(initial.length);
  }
  // `,^` is no operator to envsubst, and no error either.
  return second === first ? Array.from(value, change).join('') : value;
}

/** Letters whose simple capital Unicode has beside the spelling in several letters that JavaScript gives. */
const IOTA = [
  [0x1f80, 0x1f87, 8],
  [0x1f90, 0x1f97, 8],
  [0x1fa0, 0x1fa7, 8],
  [0x1fb3, 0x1fb3, 9],
  [0x1fc3, 0x1fc3, 9],
  [0x1ff3, 0x1ff3, 9],
] as const;

/** A character's one capital, as Go has it: `ß` has none. */
function upperCase(character: string): string {
  const upper = character.toUpperCase();
  if (upper.length === character.length) return upper;
  const point = character.codePointAt(0) ?? 0;
  const [, , distance = 0] = IOTA.find(([low, high]) => low <= point && point <= high) ?? [];
  return distance === 0 ? character : String.fromCodePoint(point + distance);
}

function lowerCase(character: string): string {
  return character === '\u0130' ? 'i' : character.toLowerCase();
}

function valueOf(cursor: Cursor, name: string): string {
  const value = cursor.variables.get(name);
  if (value === undefined) {
    throw new BadSubstitution(
      `variable ${name} has no value; set it in spec.postBuild, write a default as \${${name}:=…}, or write $\${ for a literal \${`,
    );
  }
  return value;
}

function byteLength(cursor: Cursor, value: string): number {
  spend(cursor, value.length);
  return Buffer.byteLength(value, 'utf8');
}

function integer(text: string): bigint | undefined {
  if (!/^[-+]?[0-9]+$/.test(text) || text.length > 1_000) return undefined;
  const digits = BigInt(text.replace(/^[-+]/, ''));
  const value = text.startsWith('-') ? -digits : digits;
  return value <= MAX_INT64 && value >= -MAX_INT64 - 1n ? value : undefined;
}

function larger(one: bigint, other: bigint): bigint {
  return one > other ? one : other;
}

function smaller(one: bigint, other: bigint): bigint {
  return one < other ? one : other;
}

function peek(cursor: Cursor): string | undefined {
  return cursor.text[cursor.at];
}

function accept(cursor: Cursor, character: string): boolean {
  const found = peek(cursor) === character;
  cursor.at += found ? 1 : 0;
  return found;
}

function skipAll(cursor: Cursor, character: string): void {
  while (accept(cursor, character));
}

function spend(cursor: Cursor, steps: number): void {
  cursor.steps += steps;
  if (cursor.steps > MAX_STEPS) {
    throw new BadSubstitution(`asks for more than ${MAX_STEPS} characters to be looked at; use shorter values`);
  }
}

function refuseLonger(length: number): void {
  if (length > MAX_CHARACTERS) {
    throw new BadSubstitution(`expands into more than ${MAX_CHARACTERS} characters; use shorter values`);
  }
}

function bad(cursor: Cursor, start: number): BadSubstitution {
  return new BadSubstitution(
    `has ${excerpt(cursor.text, start)}, which is no substitution that Flux knows; write $\${ for a literal \${`,
  );
}

function excerpt(text: string, start: number): string {
  return JSON.stringify(text.slice(start, start + 40).split('\n')[0]);
}
