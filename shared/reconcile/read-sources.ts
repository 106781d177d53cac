import type { NamespacedName } from '#shared/api/resource-key.ts';
import type { SourceHead } from '#shared/journal/journal-record.ts';
import { sourceHeadKey } from '#shared/journal/journal-record.ts';
import type { SourceTree } from '#shared/ports/source-tree.ts';
import { DEFAULT_SOURCE_LIMITS, unpackArtifact } from '#shared/source/artifact.ts';
import type { ReconcilePorts } from './reconcile-ports.ts';

/** The sources of one cluster as they are during one run. */
export interface SourceReader {
  /** @returns undefined while the source has no artifact. */
  head(source: NamespacedName): Promise<SourceHead | undefined>;
  /** @throws TidegateError when the artifact is missing, or is not what its digest says. */
  tree(head: SourceHead): Promise<SourceTree>;
  /** Whether the artifact of a head is still there. */
  isStored(head: SourceHead): Promise<boolean>;
  /** All heads that were read so far. */
  seen(): Promise<readonly SourceHead[]>;
}

/** Reads each head once, so that a run sees one state of every source, and unpacks each artifact once. */
export function readSources(cluster: string, ports: Pick<ReconcilePorts, 'journal' | 'artifacts'>): SourceReader {
  const heads = new Map<string, Promise<SourceHead | undefined>>();
  const trees = new Map<string, Promise<SourceTree>>();
  return {
    head(source) {
      const key = sourceHeadKey({ kind: 'GitRepository', namespace: source.namespace, name: source.name });
      const known = heads.get(key) ?? readHead(key);
      heads.set(key, known);
      return known;
    },
    tree(head) {
      const known = trees.get(head.digest) ?? readTree(head.digest);
      trees.set(head.digest, known);
      return known;
    },
    isStored: (head) => ports.artifacts.has(head.digest),
    async seen() {
      return (await Promise.all(heads.values())).filter((head) => head !== undefined);
    },
  };

  async function readHead(key: string): Promise<SourceHead | undefined> {
    const record = await ports.journal.read(cluster, key);
    return record?.type === 'SourceHead' ? record : undefined;
  }

  async function readTree(digest: string): Promise<SourceTree> {
    return unpackArtifact(await ports.artifacts.get(digest), DEFAULT_SOURCE_LIMITS);
  }
}
