import type { Octokit } from '@octokit/core';
import { randomUUID } from 'node:crypto';
import { onTestFinished } from 'vitest';

import type { RepositoryId } from '#shared/ports/change-host.ts';

import type { ChangeHostUnderTest } from './change-host.contract.ts';
import type { WrittenStatus } from './commit-statuses.contract.ts';

/** Someone whom GitHub knows no account of. */
const PERSON = { name: 'Ada Example', email: 'ada@tidegate.invalid' };

/** One test's part of a repository, and what a person does there. */
export interface PlaceOnGitHub extends Omit<ChangeHostUnderTest, 'host'> {
  /** Commit that `base` starts from. */
  readonly start: string;
  readonly statuses: (commit: string) => Promise<readonly WrittenStatus[]>;
}

/**
 * Opens a place in a repository of which we have nothing but the REST API: branches of its own, sharing no history with
 * the repository's others and gone when the test is over.
 */
export async function openPlaceOverRest(octokit: Octokit, repository: RepositoryId): Promise<PlaceOnGitHub> {
  const where = { owner: repository.owner, repo: repository.name };
  const name = `tidegate-contract/${randomUUID()}`;
  const [base, change] = [`${name}/base`, `${name}/change`];

  async function readHead(branch: string): Promise<string | undefined> {
    const found = await unlessMissing(
      octokit.request('GET /repos/{owner}/{repo}/git/ref/{ref}', { ...where, ref: `heads/${branch}` }),
    );
    return found?.data.object.sha;
  }

  async function writeCommit(file: string, text: string, parent: string | undefined): Promise<string> {
    const below =
      parent === undefined
        ? undefined
        : await octokit.request('GET /repos/{owner}/{repo}/git/commits/{commit_sha}', { ...where, commit_sha: parent });
    const tree = await octokit.request('POST /repos/{owner}/{repo}/git/trees', {
      ...where,
      ...(below === undefined ? {} : { base_tree: below.data.tree.sha }),
      tree: [{ path: file, mode: '100644', type: 'blob', content: text }],
    });
    const commit = await octokit.request('POST /repos/{owner}/{repo}/git/commits', {
      ...where,
      message: `Write ${file} of ${name}`,
      tree: tree.data.sha,
      parents: parent === undefined ? [] : [parent],
      author: PERSON,
      committer: PERSON,
    });
    return commit.data.sha;
  }

  async function pointBranch(branch: string, sha: string): Promise<void> {
    if ((await readHead(branch)) === undefined) {
      await octokit.request('POST /repos/{owner}/{repo}/git/refs', { ...where, ref: `refs/heads/${branch}`, sha });
    } else {
      const ref = `heads/${branch}`;
      await octokit.request('PATCH /repos/{owner}/{repo}/git/refs/{ref}', { ...where, ref, sha, force: true });
    }
  }

  async function deleteBranch(branch: string): Promise<void> {
    await octokit.request('DELETE /repos/{owner}/{repo}/git/refs/{ref}', { ...where, ref: `heads/${branch}` });
  }

  onTestFinished(async () => {
    for (const branch of [change, base]) if ((await readHead(branch)) !== undefined) await deleteBranch(branch);
  });
  const start = await writeCommit('app.yaml', 'tag: v1\n', undefined);
  await pointBranch(base, start);

  return {
    repository,
    base,
    change,
    start,
    pointBranch,
    deleteBranch,
    async reopen(number) {
      try {
        await octokit.request('PATCH /repos/{owner}/{repo}/pulls/{pull_number}', {
          ...where,
          pull_number: number,
          state: 'open',
        });
        return true;
      } catch (error) {
        if (error instanceof Error && Reflect.get(error, 'status') === 422) return false;
        throw error;
      }
    },
    async readFile(branch, file) {
      const found = await unlessMissing(
        octokit.request('GET /repos/{owner}/{repo}/contents/{path}', { ...where, path: file, ref: branch }),
      );
      if (found === undefined) return undefined;
      if (Array.isArray(found.data) || found.data.type !== 'file' || !('content' in found.data)) {
        throw new Error(`${file} on ${branch} is not a file`);
      }
      return Buffer.from(found.data.content, 'base64').toString('utf8');
    },
    async commitAsPerson(branch, file, text) {
      const oid = await writeCommit(file, text, await readHead(branch));
      await pointBranch(branch, oid);
      return oid;
    },
    async merge(number) {
      await octokit.request('PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge', {
        ...where,
        pull_number: number,
        merge_method: 'merge',
      });
    },
    async openRequests() {
      return (await octokit.request('GET /repos/{owner}/{repo}/pulls', { ...where, base, state: 'open' })).data.length;
    },
    async statuses(commit) {
      const { data } = await octokit.request('GET /repos/{owner}/{repo}/commits/{ref}/statuses', {
        ...where,
        ref: commit,
      });
      return data.map(({ context, state, description, target_url: targetUrl }) => {
        return { context, state, description: description ?? '', targetUrl: targetUrl ?? '' };
      });
    },
  };
}

async function unlessMissing<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof Error && Reflect.get(error, 'status') === 404) return undefined;
    throw error;
  }
}
