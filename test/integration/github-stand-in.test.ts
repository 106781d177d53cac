import { Octokit } from '@octokit/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { makeOpenApiCheck } from '#stand-ins/github/openapi-check.ts';

import type { Fixture } from './github-fixture.ts';
import { asUser, FLEET, openPull, refusal, startFixture } from './github-fixture.ts';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await startFixture();
});
afterAll(async () => {
  await fixture.github.settle();
  await fixture.github.close();
});

async function mainSha(): Promise<string> {
  const { octokit } = fixture;
  const ref = await octokit.request('GET /repos/{owner}/{repo}/git/ref/{ref}', { ...FLEET, ref: 'heads/main' });
  return ref.data.object.sha;
}

describe('pull requests', () => {
  it('a second merge keeps what the first one brought, by merge and by squash', async () => {
    const { github, octokit } = fixture;
    const first = await openPull(fixture, 'first', { 'first.yaml': 'first: 1\n' });
    const second = await openPull(fixture, 'second', { 'second.yaml': 'second: 1\n' });
    const put = 'PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge';
    const merged = await octokit.request(put, { ...FLEET, pull_number: first, merge_method: 'merge' });
    const squashed = await octokit.request(put, { ...FLEET, pull_number: second, merge_method: 'squash' });

    expect(await github.readFile('acme/fleet', 'main', 'first.yaml')).toBe('first: 1\n');
    expect(await github.readFile('acme/fleet', 'main', 'second.yaml')).toBe('second: 1\n');
    expect(await github.readFile('acme/fleet', 'main', 'app.yaml')).toBe('image: app:1\n');
    const get = 'GET /repos/{owner}/{repo}/git/commits/{commit_sha}';
    const merge = await octokit.request(get, { ...FLEET, commit_sha: merged.data.sha });
    const squash = await octokit.request(get, { ...FLEET, commit_sha: squashed.data.sha });
    expect(merge.data.parents).toHaveLength(2);
    expect(squash.data.parents.map((parent) => parent.sha)).toEqual([merged.data.sha]);
    expect(squash.data.message).toBe(`Change second (#${second})`);
  });

  it('a merged pull request says by whom, into which commit, and is not merged twice', async () => {
    const { octokit, github } = fixture;
    const number = await openPull(fixture, 'once', { 'once.yaml': '1\n' });
    await github.mergePull('acme/fleet', number, 'mona');
    const pull = await octokit.request('GET /repos/{owner}/{repo}/pulls/{pull_number}', {
      ...FLEET,
      pull_number: number,
    });
    expect(pull.data).toMatchObject({ state: 'closed', merged: true, merge_commit_sha: await mainSha() });
    expect(pull.data.merged_by?.login).toBe('mona');
    const again = octokit.request('PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge', {
      ...FLEET,
      pull_number: number,
    });
    expect((await refusal(again)).status).toBe(405);
  });

  it('a conflict is seen in mergeable and refused with 405', async () => {
    const { github, octokit } = fixture;
    const number = await openPull(fixture, 'conflict', { 'other.yaml': 'a: 2\n' });
    await github.commitFiles('acme/fleet', 'main', { 'other.yaml': 'a: 3\n' }, 'Change the same line', 'mona');
    const pull = await octokit.request('GET /repos/{owner}/{repo}/pulls/{pull_number}', {
      ...FLEET,
      pull_number: number,
    });
    expect(pull.data).toMatchObject({ mergeable: false, mergeable_state: 'dirty' });
    const before = await mainSha();
    const merge = octokit.request('PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge', {
      ...FLEET,
      pull_number: number,
    });
    expect((await refusal(merge)).status).toBe(405);
    expect(await mainSha()).toBe(before);
  });

  it('a merge of another head than the one named is refused with 409', async () => {
    const { octokit } = fixture;
    const number = await openPull(fixture, 'moved', { 'moved.yaml': '1\n' });
    const sha = await mainSha();
    const merge = octokit.request('PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge', {
      ...FLEET,
      pull_number: number,
      sha,
    });
    expect((await refusal(merge)).status).toBe(409);
  });

  it('are found by head, closed, reopened and listed page by page', async () => {
    const { octokit } = fixture;
    const number = await openPull(fixture, 'listed', { 'listed.yaml': '1\n' });
    const list = 'GET /repos/{owner}/{repo}/pulls';
    const byHead = await octokit.request(list, { ...FLEET, head: 'acme:listed' });
    expect(byHead.data.map((pull) => pull.number)).toEqual([number]);
    const patch = 'PATCH /repos/{owner}/{repo}/pulls/{pull_number}';
    await octokit.request(patch, { ...FLEET, pull_number: number, state: 'closed' });
    expect((await octokit.request(list, { ...FLEET, head: 'acme:listed' })).data).toEqual([]);
    await octokit.request(patch, { ...FLEET, pull_number: number, state: 'open', title: 'Listed again' });
    const page = await octokit.request(list, { ...FLEET, state: 'all', per_page: 1, page: 2 });
    expect(page.data).toHaveLength(1);
    expect(page.headers.link).toMatch(/page=3>; rel="next".*rel="last".*page=1>; rel="first"/);
  });

  it('a second one for the same branches, or one without commits, is refused with 422', async () => {
    const { octokit } = fixture;
    await openPull(fixture, 'twice', { 'twice.yaml': '1\n' });
    const post = 'POST /repos/{owner}/{repo}/pulls';
    const again = await refusal(octokit.request(post, { ...FLEET, title: 'x', head: 'twice', base: 'main' }));
    expect(again).toMatchObject({ status: 422, message: expect.stringContaining('already exists for acme:twice') });
    const empty = await refusal(octokit.request(post, { ...FLEET, title: 'x', head: 'main', base: 'main' }));
    expect(empty).toMatchObject({ status: 422, message: expect.stringContaining('No commits between') });
  });

  it('follow their branch, and close when it is deleted', async () => {
    const { github, octokit } = fixture;
    const number = await openPull(fixture, 'followed', { 'followed.yaml': '1\n' });
    const sha = await github.commitFiles('acme/fleet', 'followed', { 'followed.yaml': '2\n' }, 'More', 'mona');
    const get = { ...FLEET, pull_number: number };
    const pull = await octokit.request('GET /repos/{owner}/{repo}/pulls/{pull_number}', get);
    expect(pull.data.head.sha).toBe(sha);
    await octokit.request('DELETE /repos/{owner}/{repo}/git/refs/{ref}', { ...FLEET, ref: 'heads/followed' });
    const closed = await octokit.request('GET /repos/{owner}/{repo}/pulls/{pull_number}', get);
    expect(closed.data).toMatchObject({ state: 'closed', merged: false });
  });

  it('carry labels and comments', async () => {
    const { octokit } = fixture;
    const issue_number = await openPull(fixture, 'talked', { 'talked.yaml': '1\n' });
    await octokit.request('POST /repos/{owner}/{repo}/issues/{issue_number}/labels', {
      ...FLEET,
      issue_number,
      labels: ['tidegate'],
    });
    const comments = '/repos/{owner}/{repo}/issues/{issue_number}/comments';
    await octokit.request(`POST ${comments}`, { ...FLEET, issue_number, body: 'hello' });
    const listed = await octokit.request(`GET ${comments}`, { ...FLEET, issue_number });
    expect(listed.data.map((comment) => comment.body)).toEqual(['hello']);
    const pull = await octokit.request('GET /repos/{owner}/{repo}/pulls/{pull_number}', {
      ...FLEET,
      pull_number: issue_number,
    });
    expect(pull.data.labels.map((label) => label.name)).toEqual(['tidegate']);
    expect(pull.data.comments).toBe(1);
  });
});

describe('git data', () => {
  it('a tree on a base changes, adds and removes exactly what it names', async () => {
    const { octokit, github } = fixture;
    const base_tree = await mainSha();
    const tree = await octokit.request('POST /repos/{owner}/{repo}/git/trees', {
      ...FLEET,
      base_tree,
      tree: [
        { path: 'app.yaml', mode: '100644', type: 'blob', content: 'image: app:2\n' },
        { path: 'deep/er/new.yaml', mode: '100644', type: 'blob', content: 'new\n' },
        { path: 'docs/readme.md', mode: '100644', type: 'blob', sha: null },
      ],
    });
    const commit = await octokit.request('POST /repos/{owner}/{repo}/git/commits', {
      ...FLEET,
      message: 'Update app',
      tree: tree.data.sha,
      parents: [base_tree],
    });
    expect(commit.data.message).toBe('Update app');
    expect(await github.readFile('acme/fleet', commit.data.sha, 'app.yaml')).toBe('image: app:2\n');
    expect(await github.readFile('acme/fleet', commit.data.sha, 'deep/er/new.yaml')).toBe('new\n');
    expect(await github.readFile('acme/fleet', commit.data.sha, 'docs/readme.md')).toBeNull();
    expect(await github.readFile('acme/fleet', commit.data.sha, 'other.yaml')).not.toBeNull();
  });

  it('a commit of an App is verified unless it names its own author', async () => {
    const { octokit, github } = fixture;
    const parent = await mainSha();
    const parentCommit = await octokit.request('GET /repos/{owner}/{repo}/git/commits/{commit_sha}', {
      ...FLEET,
      commit_sha: parent,
    });
    const commit = { ...FLEET, message: 'x', tree: parentCommit.data.tree.sha, parents: [parent] };
    const post = 'POST /repos/{owner}/{repo}/git/commits';
    const own = await octokit.request(post, commit);
    const named = await octokit.request(post, { ...commit, author: { name: 'Mona', email: 'mona@example.com' } });
    const byUser = await asUser(github, 'mona').request(post, commit);
    expect(own.data).toMatchObject({ verification: { verified: true }, author: { name: 'tidegate[bot]' } });
    expect(named.data).toMatchObject({ verification: { verified: false }, author: { name: 'Mona' } });
    expect(byUser.data).toMatchObject({ verification: { verified: false }, author: { name: 'mona' } });
  });

  it('a ref moves forward freely, elsewhere only by force, and is created once', async () => {
    const { octokit, github } = fixture;
    const old = await mainSha();
    const create = 'POST /repos/{owner}/{repo}/git/refs';
    await octokit.request(create, { ...FLEET, ref: 'refs/heads/moving', sha: old });
    expect(await refusal(octokit.request(create, { ...FLEET, ref: 'refs/heads/moving', sha: old }))).toMatchObject({
      status: 422,
      message: expect.stringContaining('Reference already exists'),
    });
    await github.commitFiles('acme/fleet', 'moving', { 'm.yaml': '1\n' }, 'Forward', 'mona');
    const update = 'PATCH /repos/{owner}/{repo}/git/refs/{ref}';
    const back = { ...FLEET, ref: 'heads/moving', sha: old };
    expect((await refusal(octokit.request(update, back))).message).toContain('not a fast forward');
    await octokit.request(update, { ...back, force: true });
    expect(await github.head('acme/fleet', 'moving')).toBe(old);
    const matching = await octokit.request('GET /repos/{owner}/{repo}/git/matching-refs/{ref}', {
      ...FLEET,
      ref: 'heads/mov',
    });
    expect(matching.data.map((ref) => ref.ref)).toContain('refs/heads/moving');
  });

  it('updateRefs swaps only what is where it was said to be, all or nothing', async () => {
    const { octokit, github } = fixture;
    const sha = await mainSha();
    const moved = await github.commitFiles('acme/fleet', 'swap-a', { 's.yaml': '1\n' }, 'A', 'mona');
    const zero = '0'.repeat(40);
    const { repository } = await octokit.graphql<{ repository: { id: string } }>(
      'query($owner: String!, $name: String!) { repository(owner: $owner, name: $name) { id } }',
      { owner: 'acme', name: 'fleet' },
    );
    const update = async (refUpdates: readonly object[]): Promise<unknown> =>
      octokit.graphql('mutation($input: UpdateRefsInput!) { updateRefs(input: $input) { clientMutationId } }', {
        input: { repositoryId: repository.id, refUpdates },
      });
    await expect(
      update([
        { name: 'refs/heads/swap-b', afterOid: sha, beforeOid: zero },
        { name: 'refs/heads/swap-a', afterOid: sha, beforeOid: sha, force: true },
      ]),
    ).rejects.toThrow('Reference cannot be updated');
    expect(await github.head('acme/fleet', 'swap-a')).toBe(moved);
    expect(await github.head('acme/fleet', 'swap-b')).toBeNull();
    await update([
      { name: 'refs/heads/swap-b', afterOid: sha, beforeOid: zero },
      { name: 'refs/heads/swap-a', afterOid: sha, beforeOid: moved, force: true },
    ]);
    expect([await github.head('acme/fleet', 'swap-a'), await github.head('acme/fleet', 'swap-b')]).toEqual([sha, sha]);
  });

  it('createCommitOnBranch commits on the head it expects and on no other', async () => {
    const { octokit, github } = fixture;
    const expectedHeadOid = await github.commitFiles('acme/fleet', 'graph', { 'g.yaml': '1\n' }, 'Start', 'mona');
    const commit = async (): Promise<unknown> =>
      octokit.graphql(
        'mutation($input: CreateCommitOnBranchInput!) { createCommitOnBranch(input: $input) { commit { oid } } }',
        {
          input: {
            branch: { repositoryNameWithOwner: 'acme/fleet', branchName: 'graph' },
            message: { headline: 'Second' },
            expectedHeadOid,
            fileChanges: { additions: [{ path: 'g.yaml', contents: Buffer.from('2\n').toString('base64') }] },
          },
        },
      );
    await commit();
    expect(await github.readFile('acme/fleet', 'graph', 'g.yaml')).toBe('2\n');
    await expect(commit()).rejects.toThrow('Expected branch to point to');
  });

  it('contents, commits, branches and comparisons say what git says', async () => {
    const { octokit, github } = fixture;
    const file = await octokit.request('GET /repos/{owner}/{repo}/contents/{path}', {
      ...FLEET,
      path: 'docs/readme.md',
    });
    expect(file.data).toMatchObject({ type: 'file', content: Buffer.from('# fleet\n').toString('base64') + '\n' });
    const start = await mainSha();
    const sha = await github.commitFiles(
      'acme/fleet',
      'compared',
      { 'c.yaml': '1\n2\n', 'app.yaml': null },
      'Compare',
      'mona',
    );
    const compared = await octokit.request('GET /repos/{owner}/{repo}/compare/{basehead}', {
      ...FLEET,
      basehead: `${start}...compared`,
    });
    expect(compared.data).toMatchObject({ status: 'ahead', ahead_by: 1, behind_by: 0 });
    expect(compared.data.files?.map(({ filename, status, additions }) => [filename, status, additions])).toEqual([
      ['app.yaml', 'removed', 0],
      ['c.yaml', 'added', 2],
    ]);
    const listed = await octokit.request('GET /repos/{owner}/{repo}/commits', {
      ...FLEET,
      sha: 'compared',
      path: 'c.yaml',
    });
    expect(listed.data.map((commit) => commit.sha)).toEqual([sha]);
    const branch = await octokit.request('GET /repos/{owner}/{repo}/branches/{branch}', {
      ...FLEET,
      branch: 'compared',
    });
    expect(branch.data.commit.sha).toBe(sha);
  });
});

describe('who may do what', () => {
  it('a narrowed token reaches its repository, with its permissions, and nothing else', async () => {
    const { asApp, installation, github } = fixture;
    const { data } = await asApp.request('POST /app/installations/{installation_id}/access_tokens', {
      installation_id: installation.id,
      repositories: ['fleet'],
      permissions: { contents: 'read' },
    });
    expect(data.permissions).toMatchObject({ contents: 'read' });
    const narrowed = new Octokit({ baseUrl: github.apiUrl, auth: data.token });
    const get = 'GET /repos/{owner}/{repo}/branches';
    expect((await narrowed.request(get, FLEET)).status).toBe(200);
    expect((await refusal(narrowed.request(get, { owner: 'acme', repo: 'secrets' }))).status).toBe(404);
    const write = narrowed.request('POST /repos/{owner}/{repo}/git/blobs', { ...FLEET, content: 'x' });
    expect(await refusal(write)).toMatchObject({
      status: 403,
      message: expect.stringContaining('Resource not accessible by integration'),
    });
    expect((await narrowed.request(get, { owner: 'acme', repo: 'open' })).status).toBe(200);
  });

  it('a token cannot be given what the installation does not have', async () => {
    const { asApp, installation } = fixture;
    const post = 'POST /app/installations/{installation_id}/access_tokens';
    const at = { installation_id: installation.id };
    expect((await refusal(asApp.request(post, { ...at, permissions: { administration: 'write' } }))).status).toBe(422);
    expect((await refusal(asApp.request(post, { ...at, repositories: ['not-there'] }))).status).toBe(422);
  });

  it('a forged or expired App token, an unknown token and no token are refused', async () => {
    const { github, app } = fixture;
    const bad = new Octokit({ baseUrl: github.apiUrl, auth: 'ghs_unknown' });
    expect((await refusal(bad.request('GET /repos/{owner}/{repo}', FLEET))).status).toBe(401);
    const anonymous = new Octokit({ baseUrl: github.apiUrl });
    expect((await refusal(anonymous.request('GET /repos/{owner}/{repo}', FLEET))).status).toBe(404);
    const other = github.createApp({ slug: 'other', permissions: {} });
    const { createAppAuth } = await import('@octokit/auth-app');
    const auth = { appId: app.id, privateKey: other.privateKey };
    const forged = new Octokit({ baseUrl: github.apiUrl, authStrategy: createAppAuth, auth });
    expect((await refusal(forged.request('GET /app'))).status).toBe(401);
  });

  it('an installation is found by repository', async () => {
    const { asApp, installation } = fixture;
    const found = await asApp.request('GET /repos/{owner}/{repo}/installation', FLEET);
    expect(found.data.id).toBe(installation.id);
    const listed = await asApp.request('GET /app/installations');
    expect(listed.data.map((one) => one.id)).toEqual([installation.id]);
  });
});

describe('what is said of a commit', () => {
  it('statuses combine to the latest of each context, up to 1,000 of one', async () => {
    const { octokit, github } = fixture;
    const sha = await github.commitFiles('acme/fleet', 'said', { 'said.yaml': '1\n' }, 'Said', 'mona');
    const post = 'POST /repos/{owner}/{repo}/statuses/{sha}';
    await octokit.request(post, { ...FLEET, sha, state: 'pending', context: 'tidegate' });
    await octokit.request(post, {
      ...FLEET,
      sha,
      state: 'success',
      context: 'tidegate',
      target_url: 'https://example.com/x',
    });
    const combined = await octokit.request('GET /repos/{owner}/{repo}/commits/{ref}/status', { ...FLEET, ref: sha });
    expect(combined.data).toMatchObject({ state: 'success', total_count: 1 });
    const success = { ...FLEET, sha, state: 'success', context: 'tidegate' } as const;
    for (let round = 0; round < 20; round += 1) {
      const wanted = Array.from({ length: round === 19 ? 48 : 50 }, async () => octokit.request(post, success));
      await Promise.all(wanted);
    }
    expect(
      (await refusal(octokit.request(post, { ...FLEET, sha, state: 'success', context: 'tidegate' }))).status,
    ).toBe(422);
    expect(github.statuses('acme/fleet', sha)).toHaveLength(1000);
  });

  it("check runs are an App's, and complete with a conclusion", async () => {
    const { octokit, github } = fixture;
    const head_sha = await mainSha();
    const run = await octokit.request('POST /repos/{owner}/{repo}/check-runs', {
      ...FLEET,
      name: 'diff',
      head_sha,
      status: 'in_progress',
    });
    const done = await octokit.request('PATCH /repos/{owner}/{repo}/check-runs/{check_run_id}', {
      ...FLEET,
      check_run_id: run.data.id,
      conclusion: 'success',
      output: { title: 'Two changes', summary: 'a, b' },
    });
    expect(done.data).toMatchObject({ status: 'completed', conclusion: 'success', output: { title: 'Two changes' } });
    const byUser = asUser(github, 'mona').request('POST /repos/{owner}/{repo}/check-runs', {
      ...FLEET,
      name: 'diff',
      head_sha,
    });
    expect((await refusal(byUser)).status).toBe(403);
  });

  it('deployments wait for required contexts, and take statuses', async () => {
    const { octokit, github } = fixture;
    const ref = await github.commitFiles('acme/fleet', 'deployed', { 'deployed.yaml': '1\n' }, 'Deploy', 'mona');
    await octokit.request('POST /repos/{owner}/{repo}/statuses/{sha}', {
      ...FLEET,
      sha: ref,
      state: 'failure',
      context: 'ci',
    });
    const post = 'POST /repos/{owner}/{repo}/deployments';
    expect((await refusal(octokit.request(post, { ...FLEET, ref }))).status).toBe(409);
    const made = await octokit.request(post, {
      ...FLEET,
      ref,
      required_contexts: [],
      auto_merge: false,
      environment: 'staging',
    });
    const deployment_id = 'id' in made.data ? Number(made.data.id) : 0;
    const statuses = '/repos/{owner}/{repo}/deployments/{deployment_id}/statuses';
    await octokit.request(`POST ${statuses}`, { ...FLEET, deployment_id, state: 'success' });
    const listed = await octokit.request(`GET ${statuses}`, { ...FLEET, deployment_id });
    expect(listed.data.map((status) => status.state)).toEqual(['success']);
  });
});

describe('the description of GitHub', () => {
  it('finds what is missing from or wrong in an answer', async () => {
    const check = await makeOpenApiCheck();
    const path = '/repos/{owner}/{repo}/git/ref/{ref}';
    const ref = {
      ref: 'refs/heads/main',
      node_id: 'x',
      url: 'http://127.0.0.1/x',
      object: { type: 'commit', sha: 'a'.repeat(40), url: 'http://127.0.0.1/y' },
    };
    expect(check.answer('GET', path, 200, ref)).toEqual([]);
    expect(check.answer('GET', path, 200, { ...ref, object: undefined })).not.toEqual([]);
    expect(check.answer('GET', path, 200, { ...ref, url: 7 })).not.toEqual([]);
    expect(check.answer('GET', path, 202, ref)).not.toEqual([]);
  });

  it('refuses a request body that is not as described, with 422 and the field', async () => {
    const { octokit } = fixture;
    const post = octokit.request('POST /repos/{owner}/{repo}/pulls', { ...FLEET, title: 'x', base: 'main' } as never);
    expect(await refusal(post)).toMatchObject({ status: 422, message: expect.stringContaining('head') });
  });
});

it('everything that was answered above is as GitHub describes it', async () => {
  await fixture.github.settle();
  expect(fixture.github.violations).toEqual([]);
  expect(fixture.github.unknownRoutes).toEqual([]);
});
