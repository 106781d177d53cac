import type { CostLine } from './estimate-cost.ts';

/** The bill of a fleet: `stacks` times the bill of one. */
export interface FleetCost {
  readonly title: string;
  readonly stacks: number;
  readonly lines: readonly CostLine[];
}

/** The table of `docs/cost.md`: a row a term, a column a fleet, US dollars a month. */
export function describeCosts(fleets: readonly FleetCost[]): string {
  const terms = fleets[0]?.lines.map(({ term }) => term) ?? [];
  const dollarsOf = ({ lines, stacks }: FleetCost, term: string): number =>
    stacks * (lines.find((line) => line.term === term)?.dollars ?? 0);
  const totalOf = (fleet: FleetCost): number => terms.reduce((sum, term) => sum + dollarsOf(fleet, term), 0);
  const rows = [
    ['US dollars a month', ...fleets.map(({ title }) => title)],
    ...terms.map((term) => [term, ...fleets.map((fleet) => dollarsOf(fleet, term).toFixed(2))]),
    ['**together**', ...fleets.map((fleet) => `**${totalOf(fleet).toFixed(2)}**`)],
  ];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  const lineOf = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join(' | ')} |`;
  const rule = `| ${widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  const [head = [], ...body] = rows;
  return [lineOf(head), rule, ...body.map(lineOf), ''].join('\n');
}
