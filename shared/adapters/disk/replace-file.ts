import { readFile, realpath, stat } from 'node:fs/promises';

import { TidegateError } from '#shared/common/tidegate-error.ts';

import { writeWholeFile } from './write-whole-file.ts';

/**
 * Replaces a text file whole: who reads it sees the old text or the new one. Links and mode stay.
 * @throws TidegateError `FileChanged` when somebody has written it since `before` was read.
 */
export async function replaceFile(file: string, { before, after }: { before: string; after: string }): Promise<void> {
  const path = await realpath(file);
  const { mode } = await stat(path);
  if ((await readFile(path, 'utf8')) !== before) {
    throw new TidegateError(
      'FileChanged',
      `${file} was changed meanwhile and is left as it is: run the command again`,
      {
        disposition: 'stall',
        subject: file,
      },
    );
  }
  await writeWholeFile(path, after, { temporary: `${path}.tidegate-${process.pid}`, mode: mode & 0o777 });
}
