import { ensureTestStandIns } from '#local/ensure-stand-ins.ts';

function onlyUnitTestsAreAskedFor(): boolean {
  const filters = process.argv.slice(2).filter((argument) => argument.includes('test/'));
  return filters.length > 0 && filters.every((filter) => filter.startsWith('test/unit'));
}

/** Builds the stand-ins before the first test file runs: no test's time contains a build, and no two files build at once. */
export async function setup(): Promise<void> {
  if (onlyUnitTestsAreAskedFor()) return;
  await ensureTestStandIns((line) => void process.stderr.write(`${line}\n`));
}
