import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ensureTestStandIns } from '#stand-ins/build/ensure-stand-ins.ts';

function onlyUnitTestsAreAskedFor(): boolean {
  const filters = process.argv.slice(2).filter((argument) => argument.includes('test/'));
  return filters.length > 0 && filters.every((filter) => filter.startsWith('test/unit'));
}

/** Gives everything that makes temporary files one folder for all of them, which goes with the tests. */
async function makeFolderOfTests(): Promise<() => Promise<void>> {
  // Ports are shared with every other process on this machine.
  process.env['TIDEGATE_PORTS'] ??= join(tmpdir(), 'tidegate-ports');
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-tests-'));
  process.env['TMPDIR'] = folder;
  // Hundreds of processes start from the same sources; compiling them anew is half of what a short one costs.
  process.env['NODE_COMPILE_CACHE'] ??= join(folder, 'compile-cache');
  return () => rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}

/**
 * Builds the stand-ins before the first test file runs: no test's time contains a build, and no two files build at once.
 * @returns what is done after the last one.
 */
export async function setup(): Promise<() => Promise<void>> {
  const removeFolder = await makeFolderOfTests();
  if (!onlyUnitTestsAreAskedFor()) await ensureTestStandIns((line) => void process.stderr.write(`${line}\n`));
  return removeFolder;
}
