import type { SourceHead } from '#shared/journal/journal-record.ts';
import { sourceHeadKey } from '#shared/journal/journal-record.ts';
import type { ArtifactStore } from '#shared/ports/artifact-store.ts';
import type { GitCredentials, GitRemote } from '#shared/ports/git-remote.ts';
import type { Journal } from '#shared/ports/journal.ts';
import type { SourceCredentials } from '#shared/ports/source-credentials.ts';
import type { Source } from './list-sources.ts';
import { resolveReference, type ResolvedReference } from './resolve-reference.ts';
import { normalizeSourceUrl } from './source-url.ts';

/** Where a source stands on its server now. */
export interface RemoteState {
  readonly url: string;
  readonly credentials?: GitCredentials;
  readonly resolved: ResolvedReference;
}

/** What was stored of a source before. */
export interface StoredState {
  readonly head: SourceHead | undefined;
  /** Whether the head's artifact is still there. */
  readonly hasArtifact: boolean;
}

/** Asks the server for its refs and finds the one that the source names. */
export async function observeRemote(
  ports: {
    readonly gitRemote: GitRemote;
    readonly credentials: SourceCredentials;
    readonly githubApiUrl: string;
  },
  { key, repository }: Source,
): Promise<RemoteState> {
  const url = normalizeSourceUrl(repository.url, ports.githubApiUrl);
  // A secret beside an SSH address holds an SSH key, which is of no use over HTTPS.
  const secret =
    repository.secretRef === undefined || !/^https?:/i.test(repository.url)
      ? undefined
      : { namespace: key.namespace, name: repository.secretRef };
  const credentials = await ports.credentials.forSource({
    cluster: key.cluster,
    url,
    ...(secret === undefined ? {} : { secret }),
  });
  const access = credentials === undefined ? { url } : { url, credentials };
  const refs = await ports.gitRemote.listRefs({ ...access, timeoutMs: repository.timeoutMs });
  return { ...access, resolved: resolveReference(repository.ref, refs) };
}

/** Whether what the last sync recorded is still there. */
export async function observeStored(artifacts: ArtifactStore, head: SourceHead | undefined): Promise<StoredState> {
  return { head, hasArtifact: head !== undefined && (await artifacts.has(head.digest)) };
}

/** The newest recorded head of a source. */
export async function readHead(journal: Journal, key: Source['key']): Promise<SourceHead | undefined> {
  const record = await journal.read(key.cluster, sourceHeadKey(key));
  return record?.type === 'SourceHead' ? record : undefined;
}
