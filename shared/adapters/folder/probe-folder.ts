import { mkdtempSync, rmdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { describeError } from '#shared/common/tidegate-error.ts';

/**
 * Tells whether a folder could be used, without leaving anything behind: it is there or could be made, and can be
 * written to.
 * @returns why not, in the words of the operating system.
 */
export function probeFolder(folder: string): string | undefined {
  try {
    let nearest = folder;
    while (statSync(nearest, { throwIfNoEntry: false }) === undefined && dirname(nearest) !== nearest) {
      nearest = dirname(nearest);
    }
    // Asking for rights is not enough: root has them all, on a file system that lets nobody write too.
    rmdirSync(mkdtempSync(join(nearest, '.tidegate-probe-')));
    return undefined;
  } catch (error) {
    return describeError(error);
  }
}
