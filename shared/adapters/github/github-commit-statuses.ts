import { defined } from '#shared/common/defined.ts';
import type { CommitStatus, CommitStatuses } from '#shared/ports/commit-statuses.ts';

import type { GitHubClient } from './github-client.ts';
import { toTidegateError } from './to-tidegate-error.ts';

const MAX_DESCRIPTION_LENGTH = 140;
const PAGE = 100;
const MAX_PAGES = 20;

/** Marks commits on GitHub. What stands there already is read first: a context takes a thousand statuses and no more. */
export function createGitHubCommitStatuses(client: GitHubClient): CommitStatuses {
  return {
    async set(repository, commit, status) {
      const description = shorten(status.description);
      const where = { owner: repository.owner, repo: repository.name };
      try {
        const octokit = await client.forRepository(repository, { statuses: 'write' });
        for (let page = 1; page <= MAX_PAGES; page += 1) {
          const { data } = await octokit.request('GET /repos/{owner}/{repo}/commits/{ref}/status', {
            ...where,
            ref: commit,
            per_page: PAGE,
            page,
          });
          const current = data.statuses.find(({ context }) => context === status.context);
          if (current !== undefined && isSame(current, { ...status, description })) return;
          if (current !== undefined || data.statuses.length < PAGE) break;
        }
        await octokit.request('POST /repos/{owner}/{repo}/statuses/{sha}', {
          ...where,
          sha: commit,
          state: status.state,
          context: status.context,
          description,
          ...defined({ target_url: status.targetUrl }),
        });
      } catch (error) {
        throw toTidegateError(error, `${where.owner}/${where.repo}: status ${status.context} of ${commit}`, {
          permissions: { statuses: 'write' },
        });
      }
    },
  };
}

interface ShownStatus {
  readonly state: string;
  readonly description: string | null;
  readonly target_url?: string | null;
}

function isSame(shown: ShownStatus, { state, description, targetUrl = '' }: CommitStatus): boolean {
  return shown.state === state && (shown.description ?? '') === description && (shown.target_url ?? '') === targetUrl;
}

/** Cuts between characters, and counts as GitHub may: in UTF-16 units. */
function shorten(text: string): string {
  if (text.length <= MAX_DESCRIPTION_LENGTH) return text;
  const cut = text.slice(0, MAX_DESCRIPTION_LENGTH - 1).replace(/[\uD800-\uDBFF]$/u, '');
  return `${cut}…`;
}
