const CONTEXT = 3;
const WIDEST = 160;

/** The lines in which two texts differ, as `diff -u` shows them, in one hunk; long lines are cut. */
export function formatDiff(file: string, before: string, after: string): string {
  if (before === after) return '';
  const [old, now] = [before.split('\n'), after.split('\n')];
  const shorter = Math.min(old.length, now.length);
  let head = 0;
  while (head < shorter && old[head] === now[head]) head += 1;
  let tail = 0;
  while (tail < shorter - head && old[old.length - 1 - tail] === now[now.length - 1 - tail]) tail += 1;
  const start = Math.max(0, head - CONTEXT);
  const below = old.slice(old.length - tail, old.length - tail + CONTEXT);
  // What follows the last line end is no line.
  if (tail <= CONTEXT && below.at(-1) === '') below.pop();
  const above = old.slice(start, head);
  const [taken, added] = [old.slice(head, old.length - tail), now.slice(head, now.length - tail)];
  const count = (changed: readonly string[]): number => above.length + changed.length + below.length;
  const lines = [
    ...above.map((line) => ` ${line}`),
    ...taken.map((line) => `-${line}`),
    ...added.map((line) => `+${line}`),
    ...below.map((line) => ` ${line}`),
  ].map((line) => (line.length > WIDEST ? `${line.slice(0, WIDEST)}…` : line).replace(/\r$/u, ''));
  return [
    `--- ${file}`,
    `+++ ${file}`,
    `@@ -${start + 1},${count(taken)} +${start + 1},${count(added)} @@`,
    ...lines,
    '',
  ].join('\n');
}
