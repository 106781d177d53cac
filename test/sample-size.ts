/** How many cases a property runs: a seeded sample in `npm test`, the full count in `npm run test:full`. */
export function sampleSize(seeded: number, full: number): number {
  return process.env['TIDEGATE_FULL'] === '1' ? full : seeded;
}
