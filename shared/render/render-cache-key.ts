import { createHash } from 'node:crypto';

import type { SourceTree } from '#shared/common/source-tree.ts';
import type { Kustomization } from '#shared/flux/kinds/kustomization.ts';

/**
 * A digest of all that a render's result depends on: the files that the build can read, the folder, the variables, the
 * common metadata and the renderer's version. A push that touches none of them has the same key.
 */
export function renderCacheKey(inputs: {
  readonly files: SourceTree;
  readonly folder: string;
  readonly variables: ReadonlyMap<string, string>;
  readonly commonMetadata: Kustomization['commonMetadata'];
  /** Versions of the renderer and of this code's own part in the result. */
  readonly rendererVersion: string;
}): string {
  const hash = createHash('sha256');
  const add = (...parts: readonly (string | Uint8Array)[]): void => {
    for (const part of parts) {
      hash.update(`${part.length}:`).update(part);
    }
  };
  add('tidegate render 1', inputs.rendererVersion, inputs.folder);
  add(JSON.stringify(sorted(Object.entries(inputs.commonMetadata.labels ?? {}))));
  add(JSON.stringify(sorted(Object.entries(inputs.commonMetadata.annotations ?? {}))));
  add(JSON.stringify(sorted([...inputs.variables])));
  for (const path of [...inputs.files.keys()].sort()) {
    add(
      path,
      createHash('sha256')
        .update(inputs.files.get(path)?.bytes ?? '')
        .digest(),
    );
  }
  return hash.digest('hex');
}

function sorted(entries: readonly (readonly [string, string])[]): readonly (readonly [string, string])[] {
  return [...entries].sort(([left], [right]) => (left < right ? -1 : 1));
}
