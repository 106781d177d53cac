import type { Journal } from '#shared/ports/journal.ts';
import { LAST_RENDERS_PREFIX, SOURCE_HEADS_PREFIX } from '#shared/records/journal-record.ts';

/**
 * Digests of the artifacts that are in use: those that a source's head names, suspended or not, and those that
 * Kustomizations go on from while what declares them is broken.
 */
export async function listNamedArtifacts(
  journal: Pick<Journal, 'list'>,
  clusters: readonly string[],
): Promise<ReadonlySet<string>> {
  const records = await Promise.all(
    clusters.flatMap((cluster) =>
      [SOURCE_HEADS_PREFIX, LAST_RENDERS_PREFIX].map((prefix) => journal.list(cluster, prefix)),
    ),
  );
  const heads = records
    .flat()
    .flatMap((record) => (record.type === 'SourceHead' ? [record] : record.type === 'LastRender' ? record.heads : []));
  return new Set(heads.map(({ digest }) => digest));
}
