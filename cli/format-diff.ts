import { FILE_HEADERS_ONLY, formatPatch, structuredPatch } from 'diff';

const CONTEXT = 3;
const WIDEST = 160;

/** The lines in which two texts differ, as `diff -u` shows them; long lines are cut. */
export function formatDiff(file: string, before: string, after: string): string {
  if (before === after) return '';
  const patch = structuredPatch(file, file, before, after, undefined, undefined, { context: CONTEXT });
  return formatPatch(patch, FILE_HEADERS_ONLY)
    .split('\n')
    .map((line) => (line.length > WIDEST ? `${line.slice(0, WIDEST)}…` : line).replace(/\r$/u, ''))
    .join('\n');
}
