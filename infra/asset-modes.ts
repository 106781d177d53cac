import { createHash } from 'node:crypto';
import { chmodSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = 0o755;
const EXECUTABLE = 0o755;
const FILE = 0o644;

/**
 * Lets everyone read a folder and what is in it. The CDK puts the modes of files into the archive that it uploads, and
 * Lambda runs a function as another user than the one who owns them: after `umask 077` it could not read its own code.
 */
export function makeReadable(folder: string): void {
  chmodSync(folder, FOLDER);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) makeReadable(path);
    else chmodSync(path, (statSync(path).mode & 0o100) === 0 ? FILE : EXECUTABLE);
  }
}

/**
 * Tells a folder by the names, modes and bytes of its files. The CDK's own hash leaves modes out: what was uploaded with
 * wrong ones would stay in use, since nothing seems to have changed.
 */
export function hashWithModes(folder: string): string {
  const hash = createHash('sha256');
  const add = (path: string, name: string): void => {
    const entries = readdirSync(path, { withFileTypes: true });
    for (const entry of entries.toSorted((one, other) => (one.name < other.name ? -1 : 1))) {
      const inside = join(path, entry.name);
      const known = `${name}/${entry.name}`;
      if (entry.isDirectory()) {
        add(inside, known);
        continue;
      }
      const bytes = readFileSync(inside);
      const mode = statSync(inside).mode & 0o777;
      hash.update(JSON.stringify([known, mode.toString(8), bytes.byteLength])).update(bytes);
    }
  };
  add(folder, '');
  return hash.digest('hex');
}
