import { Octokit } from '@octokit/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { systemClock } from '#shared/adapters/clock/system-clock.ts';
import { createGitHubChangeHost } from '#shared/adapters/github/github-change-host.ts';
import { createGitHubClient } from '#shared/adapters/github/github-client.ts';
import { fingerprint, formatTrailers } from '#shared/pull-requests/commit-trailers.ts';
import { observeBranch } from '#shared/pull-requests/observe-branch.ts';
import { collectingLogger } from '#test/contract/github-for-tests.ts';

import {
  BRANCH,
  CLUSTER,
  FILE,
  MINUTE,
  startImageStories,
  type ImageStories,
  type ImageStory,
} from './image-stories.ts';

const PODINFO = {
  policy: 'flux-system/podinfo',
  file: FILE,
  path: 'images[0].newTag',
  part: 'tag',
  from: '6.7.0',
} as const;

let stories: ImageStories;
let images = 0;

beforeAll(async () => {
  stories = await startImageStories();
});

afterAll(async () => {
  await stories?.close();
});

/** Requests of alice, who may write to the repository. */
function asAlice(story: ImageStory) {
  const { github } = stories.github;
  const octokit = new Octokit({ baseUrl: github.apiUrl, auth: github.createToken({ login: 'alice' }) });
  const where = { owner: story.repository.owner, repo: story.repository.name };
  return {
    open: (head: string, base: string) =>
      octokit.request('POST /repos/{owner}/{repo}/pulls', { ...where, head, base, title: 'By alice', body: 'mine' }),
    commitOnBranch: (branch: string, message: string) =>
      github.commitFiles(story.fullName, branch, { 'README.md': branch }, message, 'alice'),
    messageOf: async (oid: string) =>
      (await octokit.request('GET /repos/{owner}/{repo}/git/commits/{commit_sha}', { ...where, commit_sha: oid })).data
        .message,
    /** A commit with one file more and the message of another. */
    amend: async (oid: string, parent: string) => {
      const { data: old } = await octokit.request('GET /repos/{owner}/{repo}/git/commits/{commit_sha}', {
        ...where,
        commit_sha: oid,
      });
      const tree = await octokit.request('POST /repos/{owner}/{repo}/git/trees', {
        ...where,
        base_tree: oid,
        tree: [{ path: 'mine.yaml', mode: '100644', type: 'blob', content: 'mine: 1\n' }],
      });
      const commit = { message: old.message, tree: tree.data.sha, parents: [parent] };
      return (await octokit.request('POST /repos/{owner}/{repo}/git/commits', { ...where, ...commit })).data.sha;
    },
  };
}

/** A commit message that says it is ours. */
function forged(to: string): string {
  const memory = { cluster: CLUSTER, automation: 'flux-system/apps', base: 'main', author: 'a <a@b.example>' };
  return `Fix a typo\n\n${formatTrailers({ ...memory, changes: [{ ...PODINFO, to }] })}\n`;
}

/** Another image with its policy; returns the image and how a tag gets there. */
async function addImage(story: ImageStory, name: string, tags: readonly string[]) {
  images += 1;
  const repository = `team/${name}-${images}/${name}`;
  const image = await stories.images.createRepository(repository);
  const push = (tag: string) => stories.images.push(repository, tag);
  for (const tag of tags) await push(tag);
  await story.instruct((now) => ({
    ...now,
    imageRepositories: [...now.imageRepositories, ...now.imageRepositories.map((one) => ({ ...one, name, image }))],
    imagePolicies: [
      ...now.imagePolicies,
      ...now.imagePolicies.map((one) => ({
        ...one,
        name,
        imageRepositoryRef: { ...one.imageRepositoryRef, name },
        policy: { kind: 'semver' as const, range: '>=1.0.0' },
      })),
    ],
  }));
  return { image, push };
}

const marked = (tag: string, policy: string): string => `${tag} # {"$imagepolicy": "flux-system:${policy}:tag"}`;

async function putAbove(story: ImageStory, entry: readonly string[]): Promise<void> {
  const text = await story.read('main');
  await story.commitAsPerson('main', FILE, text.replace('images:\r\n', `images:\r\n${entry.join('\r\n')}\r\n`));
}

describe('what is ours', () => {
  it('is not a pull request that promotes our merged commit to another branch', async () => {
    const story = await stories.startStory();
    await story.asPerson.createBranch('production', await story.firstCommit());
    await story.push('6.7.1');
    await story.handle(story.pushed());
    await story.merge(1);
    await asAlice(story).open('main', 'production');

    await story.push('6.7.2');
    await story.handle(story.pushed());

    expect(story.pulls()).toContain('#3 open Update podinfo to 6.7.2');
  });

  it("is not a person's pull request from our branch into another base", async () => {
    const story = await stories.startStory();
    await story.asPerson.createBranch('production', (await story.head('main')) ?? '');
    await story.push('6.7.1');
    await story.handle(story.pushed());
    await asAlice(story).open(BRANCH, 'production');

    await story.push('6.7.2');
    await story.handle(story.pushed());

    expect(story.pulls()).toEqual(['#1 open Update podinfo to 6.7.2', '#2 open By alice']);
  });

  it("is not a person's pull request with a cherry-picked commit of ours", async () => {
    const story = await stories.startStory();
    await story.push('6.7.1');
    await story.handle(story.pushed());
    await asAlice(story).commitOnBranch('hotfix', await asAlice(story).messageOf((await story.head(BRANCH)) ?? ''));
    await asAlice(story).open('hotfix', 'main');

    await story.push('6.7.2');
    await story.handle(story.pushed());

    expect(story.pulls()).toContain('#1 open Update podinfo to 6.7.2');
  });

  it.each([
    ['refuses a version', forged('6.999.0')],
    ['cannot be read', 'Fix\n\nTidegate-Automation: a/b/c\nTidegate-Changes: 1'],
  ])('is not what somebody forged: a closed one that %s holds nothing', async (_what, message) => {
    const story = await stories.startStory();
    await asAlice(story).commitOnBranch('typo', message);
    await asAlice(story).open('typo', 'main');
    await story.asPerson.close(1);

    await story.push('6.7.1');
    await story.handle(story.pushed());

    expect(story.pulls()).toContain('#2 open Update podinfo to 6.7.1');
  });

  it('is a pull request of ours below any number of commits of people, and it is left alone', async () => {
    const story = await stories.startStory();
    await story.push('6.7.1');
    await story.handle(story.pushed());
    for (let n = 1; n <= 11; n += 1) await story.commitAsPerson(BRANCH, `note-${n}.md`, 'x\n');

    await story.push('6.7.2');
    await story.handle(story.pushed());

    expect(story.pulls()).toEqual(['#1 open Update podinfo to 6.7.1']);
    expect(JSON.stringify(await story.status())).toContain('commits of somebody else');
  });

  it('is no commit that somebody amended and left its message, not even under our name', async () => {
    const story = await stories.startStory();
    await story.push('6.7.1');
    await story.handle(story.pushed());
    const main = (await story.head('main')) ?? '';
    const token = stories.github.github.createToken({ login: 'alice' });
    const settings = { apiUrl: stories.github.github.apiUrl, branchPrefix: 'tidegate/', tokenSecret: 'token' };
    const secrets = { read: () => Promise.resolve(token) };
    const client = createGitHubClient({
      settings,
      secrets,
      version: '0.0.0',
      log: collectingLogger(),
      clock: systemClock,
    });
    const asToken = createGitHubChangeHost(client);
    const content = Buffer.from('newTag: 6.7.1\n');
    const head = (await story.head(BRANCH)) ?? '';
    const says = `Tidegate-Content: ${fingerprint([{ file: FILE, content }])}`;
    const ours = await asToken.createCommit(story.repository, {
      parents: [main],
      files: [{ path: FILE, content }],
      message: (await asAlice(story).messageOf(head)).replace(/^Tidegate-Content: .*$/mu, says),
    });
    const amended = await asAlice(story).amend(ours, main);

    const seenAt = async (oid: string) => {
      await story.asPerson.pointBranch(BRANCH, oid);
      return (await observeBranch(asToken, story.repository, { name: BRANCH, installation: 'default', baseHead: main }))
        .own?.oid;
    };

    expect([await seenAt(ours), await seenAt(amended)]).toEqual([ours, undefined]);
  });
});

describe('what was refused', () => {
  it.each(['closed', 'merged'] as const)('stays with its image when another is put above it: %s', async (how) => {
    const story = await stories.startStory();
    await story.push('6.7.1');
    await story.handle(story.pushed());
    if (how === 'closed') await story.asPerson.close(1);
    else await story.merge(1);
    const { image } = await addImage(story, 'nginx', ['1.27.0', '1.27.1']);
    await putAbove(story, [
      '    -   name: nginx',
      `        newName: ${image}`,
      `        newTag: ${marked('1.27.0', 'nginx')}`,
    ]);

    await story.handle(story.fluxObjectsChanged());

    expect(story.pulls()).toEqual(['#1 closed Update podinfo to 6.7.1', '#2 open Update nginx to 1.27.1']);
  });

  it('stays with its image when a document is put above it', async () => {
    const story = await stories.startStory();
    const document = `kind: A\nspec:\n  tag: ${marked('6.7.0', 'podinfo')}\n`;
    await story.commitAsPerson('main', FILE, document);
    await story.push('6.7.1');
    await story.handle(story.pushed());
    await story.asPerson.close(1);

    await story.commitAsPerson('main', FILE, `kind: B\nspec:\n  tag: ${marked('1.0.0', 'other')}\n---\n${document}`);
    story.wait(40 * MINUTE);
    await story.handle(story.tick());

    expect(story.pulls()).toEqual(['#1 closed Update podinfo to 6.7.1']);
  });

  it('is nothing to another image that took the place', async () => {
    const story = await stories.startStory();
    await story.push('6.7.1');
    await story.handle(story.pushed());
    await story.asPerson.close(1);
    const { image } = await addImage(story, 'tool', ['1.0.0', '1.0.1']);
    const text = (await story.read('main')).replace(/newName: \S+/u, `newName: ${image}`);
    await story.commitAsPerson('main', FILE, text.replace(/newTag: .*/u, `newTag: ${marked('1.0.0', 'tool')}`));

    await story.handle(story.fluxObjectsChanged());

    expect(story.pulls()).toContain('#2 open Update tool to 1.0.1');
  });

  it('stays refused for each of two images side by side in one map, and a newer one of either is proposed', async () => {
    const story = await stories.startStory();
    const lines = [`  INFRA_TAG: ${marked('1.0.0', 'infra')}`, `  PODINFO_TAG: ${marked('6.7.0', 'podinfo')}`];
    await story.commitAsPerson('main', FILE, `kind: ConfigMap\ndata:\n${lines.join('\n')}\n`);
    const { push } = await addImage(story, 'infra', ['1.0.0', '1.0.1']);
    await story.push('6.7.1');
    await story.handle(story.fluxObjectsChanged());
    await story.asPerson.close(1);
    story.wait(40 * MINUTE);
    await story.handle(story.tick());
    const whileRefused = story.pulls();

    await push('1.0.2');
    await story.handle(story.fluxObjectsChanged());

    expect(whileRefused).toHaveLength(1);
    expect(story.pulls()).toContain('#2 open Update infra to 1.0.2');
  });

  it('stays taken back, however much is said below', async () => {
    const story = await stories.startStory();
    await story.push('6.7.1');
    await story.handle(story.pushed());
    await story.asPerson.close(1);
    // GitHub's times have whole seconds.
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    await story.asPerson.comment(1, '/tidegate propose');
    await story.handle(story.fluxObjectsChanged());
    for (let n = 1; n <= 10; n += 1) await story.asPerson.comment(1, `chatter ${n}`);

    story.wait(40 * MINUTE);
    await story.handle(story.tick());

    expect(story.pulls()).toEqual(['#1 closed Update podinfo to 6.7.1', '#2 open Update podinfo to 6.7.1']);
  });

  it('is not what was merged into a branch to try things out, which is gone', async () => {
    const story = await stories.startStory();
    const { automation } = story;
    await story.asPerson.createBranch('try-out', (await story.head('main')) ?? '');
    await story.instruct((now) => ({ ...now, imageUpdateAutomations: [{ ...automation, checkoutBranch: 'try-out' }] }));
    await story.push('6.7.1');
    await story.handle(story.pushed());
    await story.merge(1);
    await story.instruct((now) => ({ ...now, imageUpdateAutomations: [automation] }));
    await story.asPerson.deleteBranch('try-out');

    await story.handle(story.fluxObjectsChanged());

    expect(story.pulls()).toContain('#2 open Update podinfo to 6.7.1');
  });

  it('stays refused when its base is renamed', async () => {
    const story = await stories.startStory();
    const { automation } = story;
    await story.asPerson.createBranch('master', (await story.head('main')) ?? '');
    await story.instruct((now) => ({ ...now, imageUpdateAutomations: [{ ...automation, checkoutBranch: 'master' }] }));
    await story.push('6.7.1');
    await story.handle(story.pushed());
    await story.asPerson.close(1);
    await story.instruct((now) => ({ ...now, imageUpdateAutomations: [automation] }));
    await story.asPerson.deleteBranch('master');

    await story.handle(story.fluxObjectsChanged());

    expect(story.pulls()).toEqual(['#1 closed Update podinfo to 6.7.1']);
  });
});
