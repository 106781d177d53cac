import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Makes a folder and those above it. Node's own recursion never ends below a folder in which nothing can be made and
 * which answers that there is no such file, as /proc does.
 * @throws the error of the first folder that cannot be made.
 */
export function makeFolder(folder: string, mode = 0o777): void {
  const missing: string[] = [];
  for (let path = folder; !isThere(path); path = dirname(path)) {
    missing.push(path);
    if (dirname(path) === path) break;
  }
  for (const path of missing.toReversed()) makeOne(path, mode);
  // Something that is no folder fails here, with the reason that the operating system has for it.
  if (missing.length === 0 && !statSync(folder).isDirectory()) mkdirSync(folder);
}

function makeOne(path: string, mode: number): void {
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    // Somebody else may have made it meanwhile.
    const isMade = error instanceof Error && 'code' in error && error.code === 'EEXIST' && statSync(path).isDirectory();
    if (!isMade) throw error;
  }
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}
