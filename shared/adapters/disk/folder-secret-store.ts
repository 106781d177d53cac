import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { makeFolder } from '#shared/adapters/folder/make-folder.ts';
import { probeFolder } from '#shared/adapters/folder/probe-folder.ts';
import { TidegateError } from '#shared/common/tidegate-error.ts';
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
      const fault = probeFolder(dirname(path));
      if (fault !== undefined) {
        throw refuse(name, `${dirname(path)} cannot be written to (${fault}): check its owner and mode`);
      }
    },
    write: async (name, value) => {
      const path = join(folder, name);
      try {
        makeFolder(dirname(path), 0o700);
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

function refuse(name: string, what: string, cause?: unknown): TidegateError {
  return new TidegateError('SecretUnwritable', `secret ${name}: ${what}`, {
    disposition: 'stall',
    subject: name,
    cause,
  });
}
