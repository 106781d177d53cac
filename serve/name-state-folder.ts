import { randomUUID } from 'node:crypto';
import { join } from 'node:path';

import { readNote, writeNote } from './state-folder-note.ts';

/** The name of a state folder, made once: a copy of the folder has another one. */
export async function nameStateFolder(stateFolder: string): Promise<string> {
  const file = join(stateFolder, 'store');
  const known = await readNote(file);
  if (known !== undefined) return known;
  const name = `folder/${randomUUID()}`;
  await writeNote(file, name);
  return name;
}
