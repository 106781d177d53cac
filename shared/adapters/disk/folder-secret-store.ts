import { constants } from 'node:fs';
import { access, mkdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { TidegateError } from '#shared/errors/tidegate-error.ts';
import type { SecretStore } from '#shared/ports/secret-store.ts';
import { writeWholeFile } from './write-whole-file.ts';

/** Secrets as files below a folder, which only their owner may read. */
export function createFolderSecretStore(folder: string): SecretStore {
  return {
    place: folder,
    check: async (name, { replace }) => {
      const path = join(folder, name);
      if (!replace && (await exists(path))) {
        throw refuse(name, `${path} is there already; move it away, or give --replace`);
      }
      const parent = await nearestFolder(dirname(path));
      await access(parent, constants.W_OK | constants.X_OK).catch((cause: unknown) => {
        throw refuse(name, `${parent} cannot be written to: check its owner and mode`, cause);
      });
    },
    write: async (name, value) => {
      const path = join(folder, name);
      try {
        await mkdir(dirname(path), { recursive: true, mode: 0o700 });
        await writeWholeFile(path, value, { temporary: `${path}.new-${process.pid}`, mode: 0o600 });
      } catch (cause) {
        throw refuse(name, `${path} cannot be written: check its owner and mode`, cause);
      }
    },
  };
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}

async function nearestFolder(folder: string): Promise<string> {
  return (await exists(folder)) || dirname(folder) === folder ? folder : await nearestFolder(dirname(folder));
}

function refuse(name: string, what: string, cause?: unknown): TidegateError {
  return new TidegateError('SecretUnwritable', `secret ${name}: ${what}`, {
    disposition: 'stall',
    subject: name,
    cause,
  });
}
