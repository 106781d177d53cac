/** How the lines of a file changed: their numbers, and the hunks as git writes them. */
export type LineDifference = {
  readonly additions: number;
  readonly deletions: number;
  readonly patch: string | null;
};

const CONTEXT = 3;
const MAX_HEADING = 80;
const LOOKED_AT_FOR_BINARY = 8000;

/**
 * The difference of two texts where there is but one: one run of lines took the place of another one, with no line in both, and
 * neither could as well be said to begin a line earlier or later. Undefined for everything else: there git chooses.
 */
export function differLines(before: Buffer, after: Buffer): LineDifference | undefined {
  if ([before, after].some((bytes) => bytes.subarray(0, LOOKED_AT_FOR_BINARY).includes(0))) return undefined;
  const [old, now] = [linesOf(before), linesOf(after)];
  let start = 0;
  while (start < Math.min(old.length, now.length) && old[start] === now[start]) start += 1;
  let same = 0;
  while (same < Math.min(old.length, now.length) - start && old.at(-1 - same) === now.at(-1 - same)) same += 1;
  const [oldEnd, nowEnd] = [old.length - same, now.length - same];
  if (start === oldEnd && start === nowEnd) return { additions: 0, deletions: 0, patch: null };
  const gone = new Set(old.slice(start, oldEnd));
  if (now.slice(start, nowEnd).some((line) => gone.has(line))) return undefined;
  if (canSlide(old, start, oldEnd) || canSlide(now, start, nowEnd)) return undefined;
  const from = Math.max(0, start - CONTEXT);
  const lines = [
    ...old.slice(from, start).map((line) => ` ${line}`),
    ...old.slice(start, oldEnd).map((line) => `-${line}`),
    ...now.slice(start, nowEnd).map((line) => `+${line}`),
    ...old.slice(oldEnd, oldEnd + CONTEXT).map((line) => ` ${line}`),
  ];
  const length = (end: number, all: number): number => Math.min(end + CONTEXT, all) - from;
  const ranges = `-${rangeOf(from, length(oldEnd, old.length))} +${rangeOf(from, length(nowEnd, now.length))}`;
  const text = [
    `@@ ${ranges} @@${headingOf(old, from)}\n`,
    ...lines.map((line) => (line.endsWith('\n') ? line : `${line}\n\\ No newline at end of file\n`)),
  ].join('');
  return {
    additions: nowEnd - start,
    deletions: oldEnd - start,
    patch: Buffer.from(text, 'latin1').toString().replace(/\n$/u, ''),
  };
}

function linesOf(bytes: Buffer): string[] {
  const lines = bytes.toString('latin1').split(/(?<=\n)/u);
  return lines.length === 1 && lines[0] === '' ? [] : lines;
}

/** Whether a run of lines could as well be said to begin one line earlier or later. */
function canSlide(lines: readonly string[], start: number, end: number): boolean {
  if (start === end) return false;
  return (start > 0 && lines[start - 1] === lines[end - 1]) || (end < lines.length && lines[start] === lines[end]);
}

function rangeOf(from: number, length: number): string {
  const start = length === 0 ? from : from + 1;
  return length === 1 ? String(start) : `${start},${length}`;
}

/** The last line before a hunk that looks like the beginning of a function to git. */
function headingOf(old: readonly string[], from: number): string {
  const heading = old.slice(0, from).findLast((line) => /^[A-Za-z_$]/u.test(line));
  return heading === undefined ? '' : ` ${heading.replace(/\n$/u, '').slice(0, MAX_HEADING).trimEnd()}`;
}
