import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Reads a note of a state folder that counts only where it was written: in a copy of the folder it is the note of somebody
 * else. A restored backup is a copy, too.
 */
export async function readNote(file: string): Promise<string | undefined> {
  try {
    const [text, { ino }] = await Promise.all([readFile(file, 'utf8'), stat(file, { bigint: true })]);
    const [value, inode] = text.trim().split(' ');
    return inode === String(ino) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Writes it anew. */
export async function writeNote(file: string, value: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  // The file has to be there for its number to be known, and writing into it keeps the number.
  await writeFile(file, '');
  const { ino } = await stat(file, { bigint: true });
  await writeFile(file, `${value} ${ino}\n`);
}
