import type { Cell } from './report.ts';

/** Lines of a table: the first column to the left, figures to the right, so that their digits stand below each other. */
export function formatTable(columns: readonly string[], rows: readonly (readonly Cell[])[]): readonly string[] {
  const lines = [columns, ...rows.map((row) => row.map(String))];
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => (line[index] ?? '').length)));
  return lines.map((line) =>
    line
      .map((cell, index) => (index === 0 ? cell.padEnd(widths[index] ?? 0) : cell.padStart(widths[index] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}
