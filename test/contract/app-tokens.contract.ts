import { describe, expect, it } from 'vitest';

import type { GitHubClient } from '#shared/adapters/github/github-client.ts';
import type { RepositoryId } from '#shared/ports/change-host.ts';

/** Us as an App that may write contents, installed on two private repositories with a branch `main` each. */
export interface AppTokensUnderTest {
  readonly client: GitHubClient;
  readonly one: RepositoryId;
  readonly other: RepositoryId;
}

/** What the tokens of a GitHub App promise. */
export function describeAppTokens(host: string, start: () => Promise<AppTokensUnderTest>): void {
  describe(`tokens of the GitHub App on ${host}`, () => {
    it('reach the one repository they are for, with the permissions asked for', async () => {
      const { client, one, other } = await start();
      const octokit = await client.forRepository(one, { contents: 'read' });
      const where = { owner: one.owner, repo: one.name };

      const own = await octokit.request('GET /repos/{owner}/{repo}/git/ref/{ref}', { ...where, ref: 'heads/main' });

      expect(own.status).toBe(200);
      await expect(
        octokit.request('GET /repos/{owner}/{repo}/git/ref/{ref}', { ...where, repo: other.name, ref: 'heads/main' }),
      ).rejects.toMatchObject({ status: expect.toSatisfy((status) => status === 403 || status === 404) });
      await expect(
        octokit.request('POST /repos/{owner}/{repo}/git/refs', {
          ...where,
          ref: 'refs/heads/x',
          sha: own.data.object.sha,
        }),
      ).rejects.toMatchObject({ status: 403 });
    });

    it('are minted for what the App is installed on, and nothing else', async () => {
      const { client, one } = await start();
      const minted = await client.tokenFor(one, { contents: 'write', statuses: 'write' });
      expect(minted?.token).toMatch(/^ghs_/u);
      await expect(client.tokenFor({ ...one, name: 'tidegate-no-such-repository' }, {})).rejects.toMatchObject({
        disposition: 'stall',
      });
    });
  });
}
