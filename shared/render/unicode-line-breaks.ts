import { EVENT_ID, getScalarValue, SCALAR_STYLE, type Event, type ScalarEvent } from 'js-yaml';

/**
 * YAML 1.1, which kustomize writes and Kubernetes reads, ends a line at U+0085, U+2028 and U+2029, too, and keeps the last
 * two in a text; the indentation behind them is none of it. Our parser knows YAML 1.2 and takes them for letters. So each
 * becomes a line break that it knows, behind a mark that says which one it was, and the marks are read back in each scalar.
 */
export interface MarkedText {
  readonly text: string;
  readonly marks: Marks;
}

interface Marks {
  readonly line: string;
  readonly separator: string;
  readonly paragraph: string;
}

const KEPT = /[\u2028\u2029]/;

/** Whether a text has a line break that YAML 1.1 alone knows. */
export function hasUnicodeLineBreaks(text: string): boolean {
  return text.includes('\u0085') || KEPT.test(text);
}

/** The text with line breaks that every parser knows. */
export function markLineBreaks(original: string): MarkedText {
  const marks = findMarks(original);
  const lines = original.replaceAll('\u0085', '\n').split(/(?<=[\n\u2028\u2029])/);
  const parts: string[] = [];
  for (let at = 0; at < lines.length;) {
    const line = lines[at] ?? '';
    const indentation = indentationOf(line);
    let end = at + 1;
    // Lines without a letter behind it belong to its break: in a block, one that is indented further is text.
    while (end < lines.length && isBlank(lines[end] ?? '', indentation)) end += 1;
    parts.push(mark(lines.slice(at, end), lines[end] ?? '', marks));
    at = end;
  }
  return { text: parts.join(''), marks };
}

/** A line and the blank ones behind it. */
function mark(lines: readonly string[], next: string, marks: Marks): string {
  const breaks = lines.flatMap((line) => (/[\n\u2028\u2029]$/.test(line) ? [line.slice(-1)] : []));
  if (!breaks.some((one) => KEPT.test(one))) return lines.join('');
  const text = (lines[0] ?? '').replace(/[\n\u2028\u2029]$/, '');
  // Behind the header of a block, a mark would be part of the header; a text may end in the same signs.
  if (/[:-][ \t]+(?:[!&]\S*[ \t]+)*[|>][-+0-9]*[ \t]*$/.test(text)) {
    throw new Error('a block of text starts with a line break of Unicode; start it with another character');
  }
  const spelled = breaks.map((one) =>
    one === '\n' ? marks.line : one === '\u2028' ? marks.separator : marks.paragraph,
  );
  // The space keeps a colon or dash at the end of the line what it is.
  return `${text} ${spelled.join('')}${'\n'.repeat(breaks.length)}${indentationOfQuote(text, next)}`;
}

function indentationOf(line: string): number {
  return /^ */.exec(line)?.[0].length ?? 0;
}

function isBlank(line: string, indentation: number): boolean {
  return /^ *[\n\u2028\u2029]$/.test(line) && line.length <= indentation + 1;
}

/** The scalars with their line breaks as they were: decoded behind the end of the text, where their events then point. */
export function restoreLineBreaks(
  { text, marks }: MarkedText,
  events: readonly Event[],
): { readonly source: string; readonly events: Event[] } {
  const decoded: string[] = [];
  let end = text.length;
  const restored = events.map((event) => {
    if (event.type !== EVENT_ID.SCALAR || event.valueStart < 0) return event;
    const slice = text.slice(event.valueStart, event.valueEnd);
    if (!slice.includes(marks.separator) && !slice.includes(marks.paragraph)) return event;
    const value = restore(trimPlain(getScalarValue(text, event), event, marks), isBlock(event), marks);
    const moved = { ...event, valueStart: end, valueEnd: end + value.length, fast: true };
    decoded.push(value);
    end += value.length;
    return moved;
  });
  return { source: text + decoded.join(''), events: restored };
}

/** YAML 1.1 may end a quoted text at the start of a line; our parser wants it indented further than what holds it. */
function indentationOfQuote(line: string, next: string): string {
  return /^['"][ \t]*(?:[\n,\]}#]|$)/.test(next) ? ' '.repeat((/^[ ?-]*/.exec(line)?.[0].length ?? 0) + 1) : '';
}

/** The breaks around a text without quotes are none of it. */
function trimPlain(value: string, event: ScalarEvent, { line, separator, paragraph }: Marks): string {
  if (event.style !== SCALAR_STYLE.PLAIN) return value;
  const around = `[ \\t\\n${line}${separator}${paragraph}]+`;
  return value.replace(new RegExp(`^${around}`), '').replace(new RegExp(`${around}$`), '');
}

function isBlock(event: ScalarEvent): boolean {
  return event.style === SCALAR_STYLE.LITERAL_BLOCK || event.style === SCALAR_STYLE.FOLDED_BLOCK;
}

/** In a block every break counts, less those that the end of the block drops; elsewhere a first `\n` is folded. */
function restore(value: string, isInBlock: boolean, marks: Marks): string {
  const spelled = new RegExp(`([ \\t]*) ([${marks.line}${marks.separator}${marks.paragraph}]+)( ?\\n*)`, 'g');
  return value.replaceAll(spelled, (_, blanks: string, run: string, parsed: string) => {
    const breaks = run
      .split('')
      .map((mark) => (mark === marks.line ? '\n' : mark === marks.separator ? '\u2028' : '\u2029'));
    if (isInBlock) {
      const kept = parsed.replace(' ', '').length;
      return blanks + breaks.slice(0, kept).join('') + (parsed.startsWith(' ') ? ' ' : '');
    }
    const folded = breaks[0] === '\n' ? breaks.slice(1) : breaks;
    const rest = run.length === 1 ? parsed.slice(1) : parsed.slice(run.length - 1);
    return folded.join('') + rest;
  });
}

/** Three characters of the private use area that the text has none of. */
function findMarks(text: string): Marks {
  const free: string[] = [];
  for (let code = 0xe000; code < 0xf900 && free.length < 3; code += 1) {
    const character = String.fromCharCode(code);
    if (!text.includes(character)) free.push(character);
  }
  const [line, separator, paragraph] = free;
  if (line === undefined || separator === undefined || paragraph === undefined) {
    throw new Error(
      'yaml holds line breaks of Unicode and every character of the private use area; remove one of them',
    );
  }
  return { line, separator, paragraph };
}
