import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

import { TidegateError } from '#shared/common/tidegate-error.ts';

/**
 * The kubectl that a person's shell would run.
 * @throws TidegateError `KubectlMissing` (stall).
 */
export async function findKubectl(searchPath: string): Promise<string> {
  for (const folder of searchPath.split(delimiter).filter((part) => part !== '')) {
    const candidate = join(folder, 'kubectl');
    try {
      await access(candidate, constants.X_OK);
      return candidate;
    } catch {
      continue;
    }
  }
  throw new TidegateError(
    'KubectlMissing',
    'kubectl is not on PATH: install kubectl 1.36 (https://kubernetes.io/docs/tasks/tools/), it renders the Kustomizations',
    { disposition: 'stall' },
  );
}
