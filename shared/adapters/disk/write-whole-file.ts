import { open, rename, rm } from 'node:fs/promises';

/**
 * Writes a file so that a reader finds the old one, the new one or none, never a part, after a power cut too.
 * @param temporary a path in the same folder that nobody else writes to; it is gone afterwards.
 */
export async function writeWholeFile(
  path: string,
  content: string | Uint8Array,
  options: { readonly temporary: string; readonly mode: number },
): Promise<void> {
  const { temporary, mode } = options;
  try {
    const file = await open(temporary, 'wx', mode);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
}
