import { mkdir, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';

/** Where Node itself keeps what it compiled. */
const NODE_OWN = 'node-compile-cache';

/** Gives each file of unit tests a folder for temporary files of its own, and fails it when it leaves something there. */
const { testPath = '' } = expect.getState();
if (testPath.includes('/test/unit/')) {
  const outer = tmpdir();
  const folder = join(outer, `unit-${basename(testPath)}-${process.pid}`);
  beforeAll(async () => {
    await mkdir(folder, { recursive: true });
    process.env['TMPDIR'] = folder;
  });
  afterAll(async () => {
    const left = (await readdir(folder)).filter((name) => name !== NODE_OWN);
    process.env['TMPDIR'] = outer;
    await rm(folder, { recursive: true, force: true });
    if (left.length > 0) throw new Error(`temporary files are left behind: ${left.join(', ')}`);
  });
}
