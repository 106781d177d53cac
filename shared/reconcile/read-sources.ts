import type { SourceFile, SourceTree } from '#shared/common/source-tree.ts';
import type { NamespacedName } from '#shared/flux/resource-key.ts';
import type { SourceHead } from '#shared/records/journal-record.ts';
import { sourceHeadKey } from '#shared/records/journal-record.ts';
import { DEFAULT_SOURCE_LIMITS, unpackArtifact } from '#shared/sources/artifact.ts';

import type { ReconcilePorts } from './reconcile-ports.ts';

/** A source while something is rendered from it. */
export interface OpenSource {
  /** Held on to by nobody afterwards. */
  readonly files: SourceTree;
  /**
   * Copies files that are needed later in the run, to say where in them something stands. What there is no room for is left
   * out: then the kustomization file is named instead.
   */
  keep(paths: Iterable<string>): SourceTree;
}

/** The sources of one cluster as they are during one run. */
export interface SourceReader {
  /** @returns undefined while the source has no artifact. */
  head(source: NamespacedName): Promise<SourceHead | undefined>;
  /**
   * Does something with the files of a source, once there is room for them.
   * @throws TidegateError when the artifact is missing, or is not what its digest says.
   */
  use<T>(head: SourceHead, work: (source: OpenSource) => Promise<T>): Promise<T>;
  /** Whether the artifact of a head is still there. */
  isStored(head: SourceHead): Promise<boolean>;
  /** All heads that were read so far. */
  seen(): Promise<readonly SourceHead[]>;
}

/** What a run keeps of its sources after they were rendered: manifests, which are far smaller than what lies beside them. */
const MAX_KEPT_BYTES = 32 * 1024 * 1024;
/** Places are looked for in YAML alone. */
const YAML = /\.ya?ml$/u;

/** Reads each head once, so that a run sees one state of every source; the files of a source are there while it is rendered. */
export function readSources(
  cluster: string,
  ports: Pick<ReconcilePorts, 'journal' | 'artifacts' | 'trees'>,
): SourceReader {
  const heads = new Map<string, Promise<SourceHead | undefined>>();
  /** By digest, and by path. */
  const kept = new Map<string, Map<string, SourceFile>>();
  let keptBytes = 0;
  return {
    head(source) {
      const key = sourceHeadKey({ kind: 'GitRepository', namespace: source.namespace, name: source.name });
      const known = heads.get(key) ?? readHead(key);
      heads.set(key, known);
      return known;
    },
    use: ({ digest }, work) =>
      ports.trees.use(
        digest,
        () => readTree(digest),
        (files) => work({ files, keep: (paths) => keep(digest, files, paths) }),
      ),
    isStored: (head) => ports.artifacts.has(head.digest),
    async seen() {
      return (await Promise.all(heads.values())).filter((head) => head !== undefined);
    },
  };

  function keep(digest: string, files: SourceTree, paths: Iterable<string>): SourceTree {
    const known = kept.get(digest) ?? new Map<string, SourceFile>();
    kept.set(digest, known);
    const own = new Map<string, SourceFile>();
    for (const path of paths) {
      const file = known.get(path) ?? (YAML.test(path) ? copyOf(files.get(path)) : undefined);
      if (file === undefined) continue;
      known.set(path, file);
      own.set(path, file);
    }
    return own;
  }

  /** A copy: many files are views of one buffer, which one of them would keep. */
  function copyOf(file: SourceFile | undefined): SourceFile | undefined {
    if (file === undefined || keptBytes + file.bytes.byteLength > MAX_KEPT_BYTES) return undefined;
    keptBytes += file.bytes.byteLength;
    return { ...file, bytes: new Uint8Array(file.bytes) };
  }

  async function readHead(key: string): Promise<SourceHead | undefined> {
    const record = await ports.journal.read(cluster, key);
    return record?.type === 'SourceHead' ? record : undefined;
  }

  async function readTree(digest: string): Promise<SourceTree> {
    return unpackArtifact(await ports.artifacts.get(digest), DEFAULT_SOURCE_LIMITS);
  }
}
