import type { Source } from './list-sources.ts';
import { sourceSpecDigest } from './source-spec-digest.ts';

/** Sources that are read in the same way, from several clusters: one fetch serves them all. */
export function groupSources<S extends Source>(sources: readonly S[]): readonly (readonly [S, ...S[]])[] {
  const groups = new Map<string, [S, ...S[]]>();
  for (const source of sources) {
    const { key, repository } = source;
    // A secret belongs to a cluster and a namespace, whatever its name.
    const owner = repository.secretRef === undefined ? '' : `${key.cluster}/${key.namespace}`;
    const id = [sourceSpecDigest(repository), owner, repository.suspend, repository.timeoutMs].join(' ');
    const group = groups.get(id);
    if (group === undefined) groups.set(id, [source]);
    else group.push(source);
  }
  return [...groups.values()];
}
