import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { listSecretParts } from '#shared/common/list-secret-parts.ts';
import { TidegateError } from '#shared/common/tidegate-error.ts';
import type { Secrets } from '#shared/ports/secrets.ts';

const NAME = /^[A-Za-z0-9_+=.@-]+(?:\/[A-Za-z0-9_+=.@-]+)*$/u;
const MAX_BYTES = 64 * 1024;

/**
 * Secrets in a folder: a file is one secret; a folder is one with a key a file, read as the JSON that Secrets Manager
 * would hold. Changes are seen at the next read.
 * @param learn is told each value, so that it can be kept out of the logs.
 */
export function createFolderSecrets(folder: string, learn: (value: string) => void): Secrets {
  return {
    read: async (name) => {
      if (!NAME.test(name) || name.split('/').some((part) => part === '.' || part === '..')) {
        throw new TidegateError('SecretNameInvalid', `${JSON.stringify(name)} is no name of a secret`, {
          disposition: 'stall',
        });
      }
      const path = join(folder, name);
      try {
        const { isFile, isFolder, size } = await look(path);
        // A pipe would keep whoever reads it waiting.
        if (!isFile && !isFolder) throw unreadable(name, `${path} is neither a file nor a folder`);
        if (isFolder) return await readKeys(path, learn);
        if (size > MAX_BYTES) throw tooLarge(name, size);
        return teach(await readFile(path, 'utf8'), learn);
      } catch (error) {
        if (isMissing(error)) return undefined;
        if (error instanceof TidegateError) throw error;
        throw unreadable(name, `it cannot be read from ${path}: check its owner and mode`, error);
      }
    },
  };
}

interface Look {
  readonly isFile: boolean;
  readonly isFolder: boolean;
  readonly size: number;
}

async function look(path: string): Promise<Look> {
  const found = await stat(path);
  return { isFile: found.isFile(), isFolder: found.isDirectory(), size: found.size };
}

async function readKeys(folder: string, learn: (value: string) => void): Promise<string> {
  const values: Record<string, string> = {};
  for (const entry of (await readdir(folder)).toSorted()) {
    const path = join(folder, entry);
    const { isFile, size } = await look(path);
    // Kubernetes mounts a secret with links such as `..data` beside its keys.
    if (!isFile || entry.startsWith('..')) continue;
    if (size > MAX_BYTES) throw tooLarge(path, size);
    values[entry] = teach(await readFile(path, 'utf8'), learn);
  }
  return JSON.stringify(values);
}

function teach(text: string, learn: (value: string) => void): string {
  const value = text.replace(/\r?\n$/u, '');
  for (const part of listSecretParts(value)) learn(part);
  return value;
}

function tooLarge(name: string, bytes: number): TidegateError {
  return unreadable(name, `it has ${bytes} bytes; allowed: ${MAX_BYTES}`);
}

function unreadable(name: string, reason: string, cause?: unknown): TidegateError {
  return new TidegateError('SecretUnreadable', `secret ${name}: ${reason}`, {
    disposition: 'stall',
    subject: name,
    cause,
  });
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}
