import type { PromiseFsClient } from 'isomorphic-git';

import { viewOf } from '#shared/common/view-of.ts';

/** One for all: isomorphic-git looks for every object as a file first, and a stack trace each time is what would take longest. */
const MISSING = Object.assign(new Error('no such file or folder'), { code: 'ENOENT' });

/**
 * As much of a file system as isomorphic-git needs for one fetch.
 * Nothing of a private repository touches the disk, and nothing is left behind by a process that is killed.
 */
export function createMemoryFs(): PromiseFsClient {
  const files = new Map<string, Buffer>();
  const folders = new Set<string>(['/']);

  function addFolder(path: string): void {
    for (let folder = path; !folders.has(folder); folder = parentOf(folder)) folders.add(folder);
  }

  async function stat(path: string): Promise<unknown> {
    const file = files.get(path);
    if (file === undefined && !folders.has(path)) throw MISSING;
    const isFile = file !== undefined;
    return {
      isFile: () => isFile,
      isDirectory: () => !isFile,
      isSymbolicLink: () => false,
      type: isFile ? 'file' : 'dir',
      mode: isFile ? 0o100644 : 0o40000,
      size: file?.length ?? 0,
    };
  }

  return {
    promises: {
      async readFile(path: string, options?: string | { readonly encoding?: string }): Promise<Buffer | string> {
        const file = files.get(path);
        if (file === undefined) throw MISSING;
        const encoding = typeof options === 'string' ? options : options?.encoding;
        return encoding === 'utf8' ? file.toString('utf8') : file;
      },
      async writeFile(path: string, content: Uint8Array | string): Promise<void> {
        addFolder(parentOf(path));
        // Who wrote it changes nothing of it.
        files.set(path, typeof content === 'string' ? Buffer.from(content) : viewOf(content));
      },
      async readdir(path: string): Promise<readonly string[]> {
        if (!folders.has(path)) throw MISSING;
        const below = [...files.keys(), ...folders].filter((entry) => entry !== '/' && parentOf(entry) === path);
        return below.map((entry) => entry.slice(entry.lastIndexOf('/') + 1));
      },
      async mkdir(path: string): Promise<void> {
        addFolder(path);
      },
      async unlink(path: string): Promise<void> {
        if (!files.delete(path)) throw MISSING;
      },
      async rmdir(path: string): Promise<void> {
        folders.delete(path);
      },
      async readlink(): Promise<string> {
        throw MISSING;
      },
      async symlink(): Promise<void> {
        throw MISSING;
      },
      stat,
      lstat: stat,
    },
  };
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}
