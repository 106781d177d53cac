import { join } from 'node:path';

import { ensurePythonEnvironment } from '#stand-ins/build/ensure-python-environment.ts';

/** How to make moto's virtual environment, and who is told about it. */
export interface EnsureMotoOptions {
  readonly progress?: (line: string) => void;
  /** The environment that names the cache folder and the Python to use; the process' own unless given. */
  readonly env?: NodeJS.ProcessEnv;
}

/** The Python interpreter that has moto. */
export interface Moto {
  readonly python: string;
}

/** Makes the virtual environment that holds moto, or finds the one that an earlier run has made. */
export async function ensureMoto(options: EnsureMotoOptions = {}): Promise<Moto> {
  const { bin } = await ensurePythonEnvironment({
    name: 'moto',
    purpose: 'to play AWS on this machine',
    requirementsFile: join(import.meta.dirname, 'requirements.txt'),
    ...options,
  });
  return { python: join(bin, 'python') };
}
