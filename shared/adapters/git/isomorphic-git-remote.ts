import { addRemote, fetch, init, listServerRefs, readCommit, type PromiseFsClient } from 'isomorphic-git';
import { setTimeout as sleep } from 'node:timers/promises';

import { defined } from '#shared/common/defined.ts';
import type { SourceTree } from '#shared/common/source-tree.ts';
import { describeError, TidegateError } from '#shared/common/tidegate-error.ts';
import type { GitCredentials, GitFetch, GitRemote } from '#shared/ports/git-remote.ts';

import { createGitHttpClient, type GitHttpOptions } from './git-http-client.ts';
import { inspectPack } from './inspect-pack.ts';
import { createMemoryFs } from './memory-fs.ts';
import { readCommitTree } from './read-commit-tree.ts';

/** A refs advertisement of a few hundred thousand refs fits. */
const MAX_ADVERTISEMENT_BYTES = 32 * 1024 * 1024;
/** Trees and the commit come in addition to the files. */
const OBJECTS_PER_FILE = 3;
const LEAST_OVERHEAD_BYTES = 4 * 1024 * 1024;
const gitdir = '/git';
/** What is not known yet is asked again within fifteen seconds. */
const PATIENCE_MS: readonly number[] = [500, 1_000, 2_000, 4_000, 7_500];
const YOUNG_MS = 60_000;

/** Reads any git server over HTTP(S) without git: shallow, in memory. */
export function createIsomorphicGitRemote(options: {
  readonly version: string;
  /** Waits before each further try with credentials that the server may not know yet. */
  readonly patienceMs?: readonly number[];
}): GitRemote {
  const userAgent = `tidegate/${options.version}`;
  const { patienceMs = PATIENCE_MS } = options;
  return {
    listRefs: (request) => whileYoung(request.credentials, patienceMs, () => listRefs(request)),
    fetchTree: (request) =>
      whileYoung(request.credentials, patienceMs, async () => {
        try {
          return await fetchInto(createMemoryFs(), request, userAgent);
        } catch (error) {
          throw translate(error, request.url);
        }
      }),
  };

  async function listRefs(request: Parameters<GitRemote['listRefs']>[0]): ReturnType<GitRemote['listRefs']> {
    let isEmpty = false;
    const inspect = (lines: readonly Uint8Array[]): void => {
      refuse(lines);
      isEmpty = lines.length === 1;
    };
    const http = createGitHttpClient({ ...request, userAgent, maxBytes: MAX_ADVERTISEMENT_BYTES, inspect });
    try {
      // Version 1 of the protocol tells all refs in the one request that an unchanged source costs.
      const refs = await listServerRefs({ http, url: request.url, protocolVersion: 1, peelTags: true });
      return refs
        .filter(({ oid }) => !/^0+$/.test(oid))
        .map(({ ref, oid, peeled }) => (peeled === undefined ? { name: ref, oid } : { name: ref, oid, peeled }));
    } catch (error) {
      // With no refs there is no line of capabilities either, and isomorphic-git goes on to ask in version 2.
      if (isEmpty) return [];
      throw translate(error, request.url);
    }
  }
}

/** A token that was made a moment ago may not be known yet to the server that is asked. */
async function whileYoung<T>(
  credentials: GitCredentials | undefined,
  patienceMs: readonly number[],
  work: () => Promise<T>,
): Promise<T> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      const pause = patienceMs[attempt];
      const age = Date.now() - (credentials?.madeAt ?? -Infinity);
      const isRefusal = error instanceof TidegateError && error.code === 'AuthenticationFailed';
      if (!isRefusal || age >= YOUNG_MS || pause === undefined) throw error;
      await sleep(pause);
    }
  }
}

async function fetchInto(fs: PromiseFsClient, request: GitFetch, userAgent: string): Promise<SourceTree> {
  await init({ fs, gitdir, bare: true });
  await addRemote({ fs, gitdir, remote: 'origin', url: request.url });
  const options: GitHttpOptions = {
    url: request.url,
    ...defined({ credentials: request.credentials }),
    userAgent,
    timeoutMs: request.timeoutMs,
    maxBytes: request.limits.bytes + overheadOf(request.limits),
    inspect: (lines) => inspectAnswer(lines, request),
  };
  await fetchCommit(fs, request, options);
  const { tree, leftOut } = await readCommitTree({ fs, gitdir, oid: request.oid }, request.limits);
  if (leftOut.length > 0) request.onLeftOut?.(leftOut);
  return tree;
}

/** By the ref that led to the commit, which every server serves; by the commit itself if the ref has moved on. */
async function fetchCommit(fs: PromiseFsClient, request: GitFetch, options: GitHttpOptions): Promise<void> {
  const { url, oid, refName } = request;
  const once = { fs, gitdir, url, singleBranch: true, depth: 1, tags: false };
  if (refName !== undefined) {
    await fetch({ ...once, http: createGitHttpClient(options), remoteRef: refName });
    if (await hasCommit(fs, oid)) return;
  }
  try {
    await fetch({ ...once, http: createGitHttpClient(options), remoteRef: oid });
  } catch (error) {
    if (!(error instanceof TidegateError) || error.code !== REFUSED) throw error;
    throw refName === undefined
      ? new TidegateError(
          'GitOperationFailed',
          `${url} does not serve commit ${oid} by itself; name a branch or tag that holds it, or check that it exists`,
          { disposition: 'stall', cause: error },
        )
      : new TidegateError('GitOperationFailed', `${url}: ${refName} moved away from ${oid} while it was read`, {
          disposition: 'retry',
          cause: error,
        });
  }
  if (!(await hasCommit(fs, oid))) {
    throw new TidegateError('GitOperationFailed', `${url} did not send commit ${oid}`, { disposition: 'retry' });
  }
}

async function hasCommit(fs: PromiseFsClient, oid: string): Promise<boolean> {
  try {
    return (await readCommit({ fs, gitdir, oid })).oid === oid;
  } catch {
    return false;
  }
}

/** Never leaves this file: a server's refusal becomes a sentence about what was asked for. */
const REFUSED = 'RefusedByServer';

function refuse(lines: readonly Uint8Array[]): void {
  const last = Buffer.from(lines.at(-1) ?? []);
  if (last.toString('latin1', 0, 4) === 'ERR ') throw refusal(last.subarray(4));
}

function inspectAnswer(lines: readonly Uint8Array[], request: GitFetch): void {
  refuse(lines);
  const isAdvertisement = Buffer.from(lines[0] ?? [])
    .toString('latin1', 0, 9)
    .startsWith('# service');
  if (isAdvertisement) return;
  const failure = lines.find((line) => line[0] === 3);
  if (failure !== undefined) throw refusal(failure.subarray(1));
  const pack = Buffer.concat(lines.filter((line) => line[0] === 1).map((line) => line.subarray(1)));
  inspectPack(pack, {
    objects: request.limits.files * OBJECTS_PER_FILE + 1000,
    bytes: request.limits.bytes * 2 + overheadOf(request.limits),
  });
}

/** Beside the files: trees, and the refs that are told once more. */
function overheadOf({ bytes }: GitFetch['limits']): number {
  return Math.min(MAX_ADVERTISEMENT_BYTES, Math.max(LEAST_OVERHEAD_BYTES, bytes / 2));
}

function refusal(text: Uint8Array): TidegateError {
  const words = Buffer.from(text).toString('utf8').trim().slice(0, 200);
  return new TidegateError(REFUSED, JSON.stringify(words), { disposition: 'retry' });
}

function translate(error: unknown, url: string): TidegateError {
  if (error instanceof TidegateError && error.code !== REFUSED) return error;
  const message =
    error instanceof TidegateError
      ? `${url} answered ${error.message}`
      : `${url} cannot be read: ${describeError(error)}`;
  return new TidegateError('GitOperationFailed', message, { disposition: 'retry', cause: error });
}
