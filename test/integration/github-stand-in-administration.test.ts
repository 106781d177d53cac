import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { RepositorySettings } from '#stand-ins/github/administration.ts';
import type { BranchRule } from '#stand-ins/github/state.ts';

import type { Fixture } from './github-fixture.ts';
import { asUser, refusal, startFixture } from './github-fixture.ts';

const REPOSITORY = '/repos/{owner}/{repo}';

let fixture: Fixture;
let count = 0;
let name = '';
let where: { owner: string; repo: string };

beforeAll(async () => {
  fixture = await startFixture();
});
beforeEach(async () => {
  count += 1;
  where = { owner: 'acme', repo: `administered-${count}` };
  name = `acme/${where.repo}`;
  await fixture.github.createRepository({ owner: 'acme', name: where.repo, files: { 'app.yaml': 'a: 1\n' } });
});
afterAll(async () => {
  await fixture.github.close();
});

function set(settings: RepositorySettings): void {
  fixture.github.setRepository(name, settings);
}

/** A pull request from a branch that changes one file, by its number. */
async function propose(branch: string, file = 'app.yaml', base = 'main'): Promise<number> {
  const { github, octokit } = fixture;
  await github.commitFiles(name, branch, { [file]: `${branch}\n` }, `Change ${file}`, 'mona');
  const { data } = await octokit.request(`POST ${REPOSITORY}/pulls`, { ...where, head: branch, base, title: branch });
  return data.number;
}

async function read(number: number) {
  return (await fixture.octokit.request(`GET ${REPOSITORY}/pulls/{pull_number}`, { ...where, pull_number: number }))
    .data;
}

const NONE = '0'.repeat(40);
const UPDATE_REFS = `mutation ($repositoryId: ID!, $refUpdates: [RefUpdate!]!) {
  updateRefs(input: { repositoryId: $repositoryId, refUpdates: $refUpdates }) { clientMutationId }
}`;

describe('a ruleset', () => {
  const branches = 'kept/**';
  it.each<[BranchRule, 'set back' | 'delete' | 'create', string]>([
    [{ type: 'non_fast_forward', branches }, 'set back', 'Cannot force-push to this branch'],
    [{ type: 'deletion', branches }, 'delete', 'Cannot delete this branch'],
    [{ type: 'creation', branches }, 'create', 'Cannot create ref due to creations being restricted.'],
    [{ type: 'pull_request', branches, approvals: 0 }, 'set back', 'Changes must be made through a pull request.'],
    [
      { type: 'required_status_checks', branches, contexts: ['ci'], strict: false },
      'set back',
      'Required status check "ci" is expected.',
    ],
    [
      { type: 'branch_name_pattern', branches, pattern: '^kept/[a-z]+$' },
      'create',
      'Branch name must match a given regex pattern: ^kept/[a-z]+$',
    ],
  ])(
    '$type refuses over REST and over GraphQL in the same words, and leaves other branches alone',
    async (rule, what, words) => {
      const { github, octokit } = fixture;
      const first = (await github.head(name, 'main')) ?? '';
      const second = await github.commitFiles(name, 'kept/one', { 'app.yaml': 'a: 2\n' }, 'Second', 'mona');
      set({ rules: [rule] });
      const ref = what === 'create' ? 'heads/kept/2' : 'heads/kept/one';
      const before = what === 'create' ? NONE : second;
      const after = what === 'delete' ? NONE : first;
      const overRest = {
        'set back': () =>
          octokit.request(`PATCH ${REPOSITORY}/git/refs/{ref}`, { ...where, ref, sha: first, force: true }),
        delete: () => octokit.request(`DELETE ${REPOSITORY}/git/refs/{ref}`, { ...where, ref }),
        create: () => octokit.request(`POST ${REPOSITORY}/git/refs`, { ...where, ref: `refs/${ref}`, sha: first }),
      }[what];
      const repositoryId = (await octokit.request(`GET ${REPOSITORY}`, where)).data.node_id;
      const overGraphql = (to: string, from: string, afterOid: string) => {
        const update = { name: `refs/${to}`, beforeOid: from, afterOid, force: true };
        return octokit.graphql(UPDATE_REFS, { repositoryId, refUpdates: [update] });
      };

      expect(await refusal(overRest())).toMatchObject({ status: 422, message: expect.stringContaining(words) });
      const message = `Repository rule violations found\n\n${words}\n\n`;
      await expect(overGraphql(ref, before, after)).rejects.toMatchObject({
        errors: [{ type: 'UNPROCESSABLE', message }],
      });
      await overGraphql('heads/other', NONE, second);
      expect(await github.head(name, 'other')).toBe(second);
      expect(await github.head(name, 'kept/one')).toBe(second);
    },
  );

  it('of reviews and checks blocks a merge until they are there, and tells that it is behind only then', async () => {
    const { github, octokit } = fixture;
    set({
      rules: [
        { type: 'pull_request', branches: 'main', approvals: 1 },
        { type: 'required_status_checks', branches: 'main', contexts: ['ci'], strict: true },
      ],
    });
    const number = await propose('one');
    await github.commitFiles(name, 'main', { 'other.yaml': 'a: 1\n' }, 'Beside', 'mona');
    const merge = () =>
      octokit.request(`PUT ${REPOSITORY}/pulls/{pull_number}/merge`, { ...where, pull_number: number });

    expect((await read(number)).mergeable_state).toBe('blocked');
    expect(await refusal(merge())).toMatchObject({
      status: 405,
      message: expect.stringContaining('At least 1 approving review is required by reviewers with write access.'),
    });
    await github.approve(name, number, 'mona');
    const { head } = await read(number);
    await octokit.request(`POST ${REPOSITORY}/statuses/{sha}`, {
      ...where,
      sha: head.sha,
      state: 'success',
      context: 'ci',
    });
    expect((await read(number)).mergeable_state).toBe('behind');
    expect((await refusal(merge())).status).toBe(405);
  });
});

describe('a merge queue', () => {
  it('holds the branch of what waits in it, and merges later what it has checked on a branch of its own', async () => {
    const { github, octokit } = fixture;
    set({ rules: [{ type: 'merge_queue', branches: 'main' }] });
    const number = await propose('one');
    const head = await github.head(name, 'one');
    const first = await github.head(name, 'main');
    const merge = octokit.request(`PUT ${REPOSITORY}/pulls/{pull_number}/merge`, { ...where, pull_number: number });
    expect((await refusal(merge)).status).toBe(405);

    await github.enqueue(name, number, 'mona');
    expect(await github.head(name, `gh-readonly-queue/main/pr-${number}-${first}`)).not.toBeNull();
    const move = () =>
      octokit.request(`PATCH ${REPOSITORY}/git/refs/{ref}`, {
        ...where,
        ref: 'heads/one',
        sha: first ?? '',
        force: true,
      });
    expect(await refusal(move())).toMatchObject({
      status: 422,
      message: expect.stringContaining('Branches that are queued for merging cannot be updated.'),
    });
    await octokit.request(`PATCH ${REPOSITORY}/pulls/{pull_number}`, { ...where, pull_number: number, title: 'Waits' });
    await github.commitFiles(name, 'main', { 'other.yaml': 'a: 1\n' }, 'Beside', 'mona');

    expect(await github.mergeQueued(name, 'main')).toEqual([number]);
    expect(await read(number)).toMatchObject({ merged: true, head: { sha: head }, merged_by: { type: 'Bot' } });
    expect(await github.readFile(name, 'main', 'app.yaml')).toBe('one\n');
    expect(await github.readFile(name, 'main', 'other.yaml')).toBe('a: 1\n');
    const branches = await octokit.request(`GET ${REPOSITORY}/branches`, where);
    expect(branches.data.map((branch) => branch.name)).toEqual(['main', 'one']);
  });

  it('lets go what is taken out of it, and what conflicts by then', async () => {
    const { github } = fixture;
    set({ rules: [{ type: 'merge_queue', branches: 'main' }] });
    const number = await propose('one');
    await github.enqueue(name, number, 'mona');
    await github.dequeue(name, number, 'mona');
    expect(await github.mergeQueued(name, 'main')).toEqual([]);
    await github.enqueue(name, number, 'mona');
    await github.commitFiles(name, 'main', { 'app.yaml': 'b: 9\n' }, 'Against', 'mona');
    expect(await github.mergeQueued(name, 'main')).toEqual([]);
    expect(await read(number)).toMatchObject({ state: 'open', mergeable_state: 'dirty' });
  });
});

describe('a pull request', () => {
  it('that waits to be merged by itself is, with the last check, and its branch goes where that is set', async () => {
    const { github, octokit } = fixture;
    set({
      deleteBranchOnMerge: true,
      rules: [{ type: 'required_status_checks', branches: 'main', contexts: ['ci'], strict: false }],
    });
    const number = await propose('one');
    const onTop = await propose('two', 'two.yaml', 'one');
    await github.enableAutoMerge(name, number, 'mona', 'squash');
    const { head, auto_merge } = await read(number);
    expect(auto_merge).toMatchObject({ enabled_by: { login: 'mona' }, merge_method: 'squash' });
    const status = { ...where, sha: head.sha, context: 'ci' };
    await octokit.request(`POST ${REPOSITORY}/statuses/{sha}`, { ...status, state: 'pending' });
    expect((await read(number)).merged).toBe(false);
    await octokit.request(`POST ${REPOSITORY}/statuses/{sha}`, { ...status, state: 'success' });

    expect(await read(number)).toMatchObject({ merged: true, merged_by: { login: 'mona' }, auto_merge: null });
    expect(await github.head(name, 'one')).toBeNull();
    expect(await read(onTop)).toMatchObject({ state: 'open', base: { ref: 'main' } });
  });

  it('that is a draft is not merged until it is ready', async () => {
    const { github, octokit } = fixture;
    const number = await propose('one');
    await github.setDraft(name, number, true, 'mona');
    expect(await read(number)).toMatchObject({ draft: true, mergeable_state: 'draft' });
    const merge = () =>
      octokit.request(`PUT ${REPOSITORY}/pulls/{pull_number}/merge`, { ...where, pull_number: number });
    expect((await refusal(merge())).status).toBe(405);
    await github.setDraft(name, number, false, 'mona');
    expect((await merge()).data.merged).toBe(true);
  });

  it('keeps its base when it is closed, and takes no base that has its twin', async () => {
    const { github, octokit } = fixture;
    await github.commitFiles(name, 'release', { 'r.yaml': 'a: 1\n' }, 'Release', 'mona');
    const number = await propose('one');
    const twin = await octokit.request(`POST ${REPOSITORY}/pulls`, {
      ...where,
      head: 'one',
      base: 'release',
      title: 'x',
    });
    const update = (change: { base?: string; state?: 'closed' }) =>
      octokit.request(`PATCH ${REPOSITORY}/pulls/{pull_number}`, { ...where, pull_number: number, ...change });
    expect((await refusal(update({ base: 'release' }))).status).toBe(422);
    await update({ state: 'closed' });
    expect((await refusal(update({ base: 'release' }))).message).toContain('closed pull request');
    expect(twin.data.base.ref).toBe('release');
  });
});

describe('a name', () => {
  it('of a branch is followed by what goes into it, and what comes from it is closed', async () => {
    const { github, octokit } = fixture;
    const into = await propose('one');
    await github.renameBranch(name, 'main', 'trunk', 'mona');
    expect(await read(into)).toMatchObject({ state: 'open', base: { ref: 'trunk' } });
    const { data } = await octokit.request(`GET ${REPOSITORY}`, where);
    expect(data.default_branch).toBe('trunk');
    const old = await octokit.request(`GET ${REPOSITORY}/branches/{branch}`, { ...where, branch: 'main' });
    expect(old.data.name).toBe('trunk');
    expect(
      (await refusal(octokit.request(`GET ${REPOSITORY}/git/ref/{ref}`, { ...where, ref: 'heads/main' }))).status,
    ).toBe(404);
    await github.renameBranch(name, 'one', 'uno', 'mona');
    expect(await read(into)).toMatchObject({ state: 'closed', merged: false });
  });

  it('of a repository leads to the new one for REST, GraphQL and git, until another takes it', async () => {
    const { github, octokit } = fixture;
    const number = await propose('one');
    await github.renameRepository(name, `umbrella/moved-${count}`);
    github.install({ app: 'tidegate', account: 'umbrella' });
    const mona = asUser(github, 'mona');
    const old = await mona.request(`GET ${REPOSITORY}/pulls/{pull_number}`, { ...where, pull_number: number });
    expect(old.data.base.repo.full_name).toBe(`umbrella/moved-${count}`);
    const written = await mona.request(`PATCH ${REPOSITORY}/pulls/{pull_number}`, {
      ...where,
      pull_number: number,
      title: 'Moved',
    });
    expect(written.data.title).toBe('Moved');
    const asked = await mona.graphql(
      'query ($owner: String!, $repo: String!) { repository(owner: $owner, name: $repo) { nameWithOwner } }',
      where,
    );
    expect(asked).toEqual({ repository: { nameWithOwner: `umbrella/moved-${count}` } });
    const git = await fetch(`${github.url}/${name}.git/info/refs?service=git-upload-pack`, { redirect: 'manual' });
    expect([git.status, git.headers.get('location')]).toEqual([
      301,
      `${github.url}/umbrella/moved-${count}.git/info/refs?service=git-upload-pack`,
    ]);

    await github.createRepository({ owner: 'acme', name: where.repo, files: { 'new.yaml': 'a: 1\n' } });
    expect(
      (await refusal(octokit.request(`GET ${REPOSITORY}/pulls/{pull_number}`, { ...where, pull_number: number })))
        .status,
    ).toBe(404);
  });
});

describe('what may not be done', () => {
  it('in an archived repository is every write', async () => {
    const { octokit } = fixture;
    const number = await propose('one');
    set({ archived: true });
    expect((await read(number)).base.repo.archived).toBe(true);
    const write = octokit.request(`PATCH ${REPOSITORY}/pulls/{pull_number}`, {
      ...where,
      pull_number: number,
      title: 'x',
    });
    expect(await refusal(write)).toMatchObject({
      status: 403,
      message: expect.stringContaining('Repository was archived so is read-only.'),
    });
  });

  it('by a suspended installation is anything, with new tokens and old ones', async () => {
    const { github, octokit, asApp, installation } = fixture;
    await octokit.request(`GET ${REPOSITORY}`, where);
    github.suspend('tidegate', 'acme');
    const suspended = { status: 403, message: expect.stringContaining('This installation has been suspended') };
    expect(await refusal(octokit.request(`GET ${REPOSITORY}`, where))).toMatchObject(suspended);
    const path = { installation_id: installation.id };
    const token = asApp.request('POST /app/installations/{installation_id}/access_tokens', path);
    expect(await refusal(token)).toMatchObject(suspended);
    const shown = await asApp.request('GET /app/installations/{installation_id}', path);
    expect(shown.data.suspended_at).not.toBeNull();
    github.suspend('tidegate', 'acme', false);
    expect((await octokit.request(`GET ${REPOSITORY}`, where)).status).toBe(200);
  });

  it('without a permission is refused with the permissions that would do', async () => {
    const { github, asApp, installation } = fixture;
    const { data } = await asApp.request('POST /app/installations/{installation_id}/access_tokens', {
      installation_id: installation.id,
      permissions: { contents: 'read' },
    });
    const headers = { authorization: `token ${data.token}` };
    const body = JSON.stringify({ title: 'a', head: 'b', base: 'main' });
    const answer = await fetch(`${github.apiUrl}/repos/${name}/pulls`, { method: 'POST', headers, body });
    expect([answer.status, answer.headers.get('x-accepted-github-permissions')]).toEqual([403, 'pull_requests=write']);
  });
});

describe('while GitHub is behind itself', () => {
  it.each([401, 403] as const)('a new token is refused with %i, and then known', async (tokenStatus) => {
    const { github, asApp, installation } = fixture;
    github.lag.configure({ tokens: 2, tokenStatus });
    const again = await asApp.request('POST /app/installations/{installation_id}/access_tokens', {
      installation_id: installation.id,
    });
    const statuses: number[] = [];
    for (let at = 0; at < 3; at += 1) {
      const headers = { authorization: `token ${again.data.token}` };
      statuses.push((await fetch(`${github.apiUrl}/repos/${name}`, { headers })).status);
    }
    github.lag.configure({});
    expect(statuses).toEqual([tokenStatus, tokenStatus, 200]);
  });

  it('what was written a moment ago is not found at first', async () => {
    const { github, octokit } = fixture;
    const main = (await github.head(name, 'main')) ?? '';
    const commit = await octokit.request(`GET ${REPOSITORY}/git/commits/{commit_sha}`, { ...where, commit_sha: main });
    github.lag.configure({ writes: 1 });
    const made = await octokit.request(`POST ${REPOSITORY}/git/commits`, {
      ...where,
      message: 'm',
      tree: commit.data.tree.sha,
      parents: [main],
    });
    const create = () =>
      octokit.request(`POST ${REPOSITORY}/git/refs`, { ...where, ref: 'refs/heads/new', sha: made.data.sha });
    expect((await refusal(create())).message).toContain('Object does not exist');
    await create();
    const readRef = () => octokit.request(`GET ${REPOSITORY}/git/ref/{ref}`, { ...where, ref: 'heads/new' });
    expect((await refusal(readRef())).status).toBe(404);
    expect((await readRef()).data.object.sha).toBe(made.data.sha);
    github.lag.configure({});
  });
});

it('everything that was answered above is as GitHub describes it', () => {
  expect(fixture.github.violations).toEqual([]);
  expect(fixture.github.unknownRoutes).toEqual([]);
});
