/** Why a text could not be expanded. */
export type Expansion =
  { readonly outcome: 'expanded'; readonly text: string } | { readonly outcome: 'refused'; readonly message: string };

const MAX_CHARACTERS = 32 * 1024 * 1024;
const MAX_DEPTH = 50;

/**
 * Expands `${…}` in the dialect of Flux's envsubst: `${v}`, `${v:=default}` (also `=`, `:-`, `:+`, `:?`), `${#v}`,
 * `${v:offset:length}` in bytes, `${v/a/b}` and `//`, `/#`, `/%`, `${v#glob}` and `##`, `%`, `%%`, `${v^}`, `^^`, `,`, `,,`.
 * `$$` is a dollar sign. A variable that has neither a value nor a default is an error: an empty text would go live.
 */
export function expandVariables(text: string, variables: ReadonlyMap<string, string>): Expansion {
  const cursor: Cursor = { text, at: 0, depth: 0, variables };
  try {
    return { outcome: 'expanded', text: expandText(cursor) };
  } catch (error) {
    if (error instanceof BadSubstitution) {
      return { outcome: 'refused', message: error.message };
    }
    throw error;
  }
}

class BadSubstitution extends Error {}

interface Cursor {
  readonly text: string;
  readonly variables: ReadonlyMap<string, string>;
  at: number;
  depth: number;
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
    if (length > MAX_CHARACTERS) {
      throw new BadSubstitution(`expands into more than ${MAX_CHARACTERS} characters; use shorter values`);
    }
  }
  return parts.join('');
}

function expandDollar(cursor: Cursor): string {
  const following = cursor.text[cursor.at + 1];
  if (following === '{') {
    cursor.at += 2;
    return expandExpression(cursor);
  }
  cursor.at += following === '$' ? 2 : 1;
  return '$';
}

/** One expression, after its `${`. */
function expandExpression(cursor: Cursor): string {
  const start = cursor.at - 2;
  cursor.depth += 1;
  if (cursor.depth > MAX_DEPTH) {
    throw new BadSubstitution(`nests more than ${MAX_DEPTH} substitutions at ${excerpt(cursor.text, start)}`);
  }
  const measured = peek(cursor) === '#';
  if (measured) {
    cursor.at += 1;
  }
  const name = readName(cursor, start);
  const value = measured ? lengthOf(valueOf(cursor, name)) : applyOperator(cursor, name, start);
  if (peek(cursor) !== '}') {
    throw bad(cursor, start);
  }
  cursor.at += 1;
  cursor.depth -= 1;
  return value;
}

function applyOperator(cursor: Cursor, name: string, start: number): string {
  const operator = readOperator(cursor);
  switch (operator) {
    case '':
      if (peek(cursor) !== '}') {
        throw bad(cursor, start);
      }
      return valueOf(cursor, name);
    case '=':
    case ':=':
    case ':-':
    case ':+':
    case ':?': {
      const fallback = readArgument(cursor, '}', 'plain');
      const value = cursor.variables.get(name) ?? '';
      return value === '' ? fallback : value;
    }
    case ':':
      return substring(cursor, name, start);
    case '/':
    case '//':
    case '/#':
    case '/%':
      return replace(cursor, name, operator, start);
    case '#':
    case '##':
    case '%':
    case '%%': {
      const pattern = readArgument(cursor, '}', 'plain');
      return trim(valueOf(cursor, name), operator, pattern);
    }
    case '^':
      return changeFirst(valueOf(cursor, name), (first) => first.toUpperCase());
    case '^^':
      return valueOf(cursor, name).toUpperCase();
    case ',':
      return changeFirst(valueOf(cursor, name), (first) => first.toLowerCase());
    case ',,':
      return valueOf(cursor, name).toLowerCase();
    default:
      throw bad(cursor, start);
  }
}

/** The operator after a name: the longest that fits, or nothing. */
function readOperator(cursor: Cursor): string {
  for (const operator of [
    ':=',
    ':-',
    ':+',
    ':?',
    '//',
    '/#',
    '/%',
    '##',
    '%%',
    '^^',
    ',,',
    ':',
    '=',
    '/',
    '#',
    '%',
    '^',
    ',',
  ]) {
    if (cursor.text.startsWith(operator, cursor.at)) {
      cursor.at += operator.length;
      return operator;
    }
  }
  return '';
}

function readName(cursor: Cursor, start: number): string {
  const match = /[\p{L}\p{Nd}_]+/uy;
  match.lastIndex = cursor.at;
  const name = match.exec(cursor.text)?.[0];
  if (name === undefined) {
    throw bad(cursor, start);
  }
  cursor.at += name.length;
  return name;
}

/** Text up to one of the closing characters, with substitutions inside it expanded; `escapes` as in a replacement. */
function readArgument(cursor: Cursor, closing: string, mode: 'plain' | 'escapes'): string {
  let text = '';
  while (cursor.at < cursor.text.length) {
    const character = cursor.text[cursor.at] ?? '';
    const following = cursor.text[cursor.at + 1];
    if (character === '$' && following === '{') {
      cursor.at += 2;
      text += expandExpression(cursor);
    } else if (mode === 'escapes' && isEscape(character, following)) {
      text += following;
      cursor.at += 2;
    } else if (closing.includes(character)) {
      return text;
    } else {
      text += character;
      cursor.at += 1;
    }
  }
  return text;
}

function isEscape(character: string, following: string | undefined): following is string {
  return (character === '\\' && (following === '/' || following === '\\')) || (character === '$' && following === '$');
}

function substring(cursor: Cursor, name: string, start: number): string {
  const offsetText = readArgument(cursor, ':}', 'plain');
  let lengthText: string | undefined;
  if (peek(cursor) === ':') {
    cursor.at += 1;
    lengthText = readArgument(cursor, '}', 'plain');
  }
  if (offsetText === '' || lengthText === '') {
    throw bad(cursor, start);
  }
  const value = valueOf(cursor, name);
  const bytes = Buffer.from(value, 'utf8');
  const offset = integer(offsetText);
  const length = lengthText === undefined ? bytes.length : integer(lengthText);
  if (offset === undefined || length === undefined) {
    return value;
  }
  const from = offset < 0 ? Math.max(0, bytes.length + offset) : offset;
  const to = length < 0 ? bytes.length + length : Math.min(bytes.length, from + length);
  return to <= from ? '' : bytes.subarray(from, to).toString('utf8');
}

function replace(cursor: Cursor, name: string, operator: string, start: number): string {
  const pattern = readArgument(cursor, '/', 'escapes');
  if (peek(cursor) !== '/') {
    throw bad(cursor, start);
  }
  while (peek(cursor) === '/') {
    cursor.at += 1;
  }
  const replacement = readArgument(cursor, '}', 'escapes');
  const value = valueOf(cursor, name);
  switch (operator) {
    case '//':
      return value.split(pattern).join(replacement);
    case '/#':
      return value.startsWith(pattern) ? replacement + value.slice(pattern.length) : value;
    case '/%':
      return value.endsWith(pattern) ? value.slice(0, value.length - pattern.length) + replacement : value;
    default: {
      const at = value.indexOf(pattern);
      return at < 0 ? value : value.slice(0, at) + replacement + value.slice(at + pattern.length);
    }
  }
}

function trim(value: string, operator: string, pattern: string): string {
  const tokens = globTokens(pattern);
  if (tokens === undefined) {
    return value;
  }
  const characters = Array.from(value);
  const fromEnd = operator.startsWith('%');
  const lengths = matchingPrefixes(
    fromEnd ? characters.toReversed() : characters,
    fromEnd ? tokens.toReversed() : tokens,
  );
  const cut = (operator.length === 1 ? lengths[0] : lengths.at(-1)) ?? 0;
  return (fromEnd ? characters.slice(0, characters.length - cut) : characters.slice(cut)).join('');
}

type GlobToken = 'any' | ((character: string) => boolean);

function globTokens(pattern: string): readonly GlobToken[] | undefined {
  const tokens: GlobToken[] = [];
  const characters = Array.from(pattern);
  for (let index = 0; index < characters.length; index += 1) {
    const character = characters[index] ?? '';
    if (character === '*') {
      tokens.push('any');
    } else if (character === '?') {
      tokens.push(() => true);
    } else if (character === '[') {
      const end = characters.indexOf(']', index + 2);
      if (end < 0) {
        return undefined;
      }
      tokens.push(characterClass(characters.slice(index + 1, end)));
      index = end;
    } else {
      const literal = character === '\\' ? characters[(index += 1)] : character;
      tokens.push((one) => one === literal);
    }
  }
  return tokens;
}

function characterClass(inside: readonly string[]): (character: string) => boolean {
  const negated = inside[0] === '^' || inside[0] === '!';
  const body = negated ? inside.slice(1) : inside;
  return (character) => {
    let member = false;
    for (let index = 0; index < body.length; index += 1) {
      const low = body[index] ?? '';
      const isRange = body[index + 1] === '-' && index + 2 < body.length;
      const high = isRange ? (body[index + 2] ?? '') : low;
      member ||= low <= character && character <= high;
      index += isRange ? 2 : 0;
    }
    return member !== negated;
  };
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
    if (states.size === 0) {
      break;
    }
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

function valueOf(cursor: Cursor, name: string): string {
  const value = cursor.variables.get(name);
  if (value === undefined) {
    throw new BadSubstitution(
      `variable ${name} has no value; set it in spec.postBuild, write a default as \${${name}:=…}, or write $\${ for a literal \${`,
    );
  }
  return value;
}

function changeFirst(value: string, change: (first: string) => string): string {
  const [first = '', ...rest] = value;
  return change(first) + rest.join('');
}

function lengthOf(value: string): string {
  return String(Buffer.byteLength(value, 'utf8'));
}

function integer(text: string): number | undefined {
  return /^[-+]?[0-9]{1,15}$/.test(text) ? Number(text) : undefined;
}

function peek(cursor: Cursor): string | undefined {
  return cursor.text[cursor.at];
}

function bad(cursor: Cursor, start: number): BadSubstitution {
  return new BadSubstitution(
    `has ${excerpt(cursor.text, start)}, which is no substitution that Flux knows; write $\${ for a literal \${`,
  );
}

function excerpt(text: string, start: number): string {
  return JSON.stringify(text.slice(start, start + 40).split('\n')[0]);
}
