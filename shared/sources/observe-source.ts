import { defined } from '#shared/common/defined.ts';
import { TidegateError } from '#shared/common/tidegate-error.ts';
import type { ArtifactStore } from '#shared/ports/artifact-store.ts';
import type { GitCredentials, GitRemote } from '#shared/ports/git-remote.ts';
import type { Journal } from '#shared/ports/journal.ts';
import type { SourceCredentials } from '#shared/ports/source-credentials.ts';
import type { SourceHead } from '#shared/records/journal-record.ts';
import { sourceHeadKey } from '#shared/records/journal-record.ts';

import type { Source } from './list-sources.ts';
import { resolveReference, type ResolvedReference } from './resolve-reference.ts';
import { parseRevision } from './revision.ts';
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

interface RemotePorts {
  readonly gitRemote: GitRemote;
  readonly credentials: SourceCredentials;
  readonly githubApiUrl: string;
}

/** Asks the server for its refs and finds the one that the source names. */
export async function observeRemote(ports: RemotePorts, source: Source): Promise<RemoteState> {
  const access = await findAccess(ports, source);
  const { ref, timeoutMs } = source.repository;
  const refs = await ports.gitRemote.listRefs({ ...access, timeoutMs });
  return { ...access, resolved: resolveReference(ref, refs) };
}

/**
 * The commit of a head, for a source that stays where it is.
 * @throws TidegateError `ArtifactFailed` (wait) where the source has another address now.
 */
export async function observePinned(ports: RemotePorts, source: Source, head: SourceHead): Promise<RemoteState> {
  const access = await findAccess(ports, source);
  const found = parseRevision(head.revision);
  if (access.url !== head.url || found === undefined) {
    const message = `artifact of ${head.revision} from ${head.url} is not stored any more, and spec.url is another now; resume the source to read that`;
    throw new TidegateError('ArtifactFailed', message, { disposition: 'wait' });
  }
  return { ...access, resolved: { oid: found.oid, revision: head.revision } };
}

async function findAccess(
  ports: RemotePorts,
  { key, repository }: Source,
): Promise<Pick<RemoteState, 'url' | 'credentials'>> {
  const url = normalizeSourceUrl(repository.url, ports.githubApiUrl);
  // A secret beside an SSH address holds an SSH key, which is of no use over HTTPS.
  const secret =
    repository.secretRef === undefined || !/^https?:/i.test(repository.url)
      ? undefined
      : { namespace: key.namespace, name: repository.secretRef };
  const credentials = await ports.credentials.forSource({
    cluster: key.cluster,
    url,
    ...defined({ secret }),
  });
  return credentials === undefined ? { url } : { url, credentials };
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
