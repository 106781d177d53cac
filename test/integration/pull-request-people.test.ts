import { Octokit } from '@octokit/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import {
  BRANCH,
  CLUSTER,
  FILE,
  startImageStories,
  type ChangeFluxObjects,
  type ImageStories,
  type ImageStory,
} from './image-stories.ts';
import { openRegistryInMemory } from './story-registry.ts';

let stories: ImageStories;

beforeAll(async () => {
  stories = await startImageStories(openRegistryInMemory);
});

afterAll(async () => {
  await stories?.close();
});

describe('a pull request that people and Flux objects act on', () => {
  it('is left open when somebody opened it from the branch that push.branch names', async () => {
    const story = await stories.startStory();
    await story.instruct(ofAutomations((one) => [{ ...one, pushBranch: 'flux-image-updates' }]));
    await story.push('6.7.1');
    await story.handle(story.pushed());
    await openAsPerson(story, 'flux-image-updates');

    await story.handle(story.fluxObjectsChanged());

    expect(story.pulls()).toEqual(['#1 open Image updates']);
    expect(await story.tagAt('flux-image-updates')).toBe('6.7.1');
  });

  it("stays ours however often a person presses GitHub's button that updates its branch", async () => {
    const story = await stories.startStory();
    await story.push('6.7.1');
    await story.handle(story.pushed());
    for (const file of ['a.md', 'b.md', 'c.md']) {
      await story.commitAsPerson('main', file, 'x\n');
      await stories.github.github.updateBranch(story.fullName, 1, 'alice');
    }

    await story.push('6.7.2');
    await story.handle(story.pushed());
    expect(story.pulls()).toEqual(['#1 open Update podinfo to 6.7.2']);
    expect(await story.tagAt(BRANCH)).toBe('6.7.2');
  });

  it.each([
    [
      'merges',
      { type: 'required_linear_history', branches: 'tidegate/**' },
      'True',
      'may be proposed again',
      '#2 open',
    ],
    [
      'every commit',
      { type: 'pull_request', branches: 'tidegate/**', approvals: 0 },
      'False',
      'count as refused until somebody comments',
      undefined,
    ],
  ] as const)(
    'is withdrawn where a rule forbids %s, and says when that counts as a no',
    async (_what, rule, ready, meaning, next) => {
      const story = await stories.startStory();
      await story.push('6.7.1');
      await story.handle(story.pushed());
      const before = await story.read('main');
      await story.commitAsPerson('main', FILE, before.replace('newTag: 6.7.0', 'newTag: 6.7.1'));
      stories.github.github.setRepository(story.fullName, { rules: [rule] });

      await story.handle(story.fluxObjectsChanged());

      expect(story.pulls()).toEqual(['#1 closed Update podinfo to 6.7.1']);
      const [condition] = (await story.status())?.conditions ?? [];
      expect(condition?.status).toBe(ready);
      expect(condition?.message).toContain('`main` holds these images already');
      expect(condition?.message).toContain(meaning);
      await story.commitAsPerson('main', FILE, before);
      await story.handle(story.fluxObjectsChanged());
      expect(story.pulls()[1]?.slice(0, '#2 open'.length)).toBe(next);
    },
  );

  it.each<[what: string, meet: (story: ImageStory) => Promise<void>, again: Partial<Automation>]>([
    ['another cluster is heard of first', (story) => told(story, 'other'), {}],
    ['its first run fails', (story) => failing(story), {}],
    ['it is suspended at first', (story) => told(story), { suspend: true }],
  ])('is gone on with after its automation was renamed, when %s', async (_what, meet, meanwhile) => {
    const story = await stories.startStory();
    await story.push('6.7.1');
    await story.handle(story.pushed());
    await story.instruct(ofAutomations((one) => [{ ...one, name: 'renamed', ...meanwhile }]));

    await meet(story);
    expect(story.pulls()).toEqual(['#1 open Update podinfo to 6.7.1']);

    await story.instruct(ofAutomations((one) => [{ ...one, suspend: false }]));
    await story.push('6.7.2');
    await story.handle(story.fluxObjectsChanged());
    expect(story.pulls()).toEqual(['#1 open Update podinfo to 6.7.2']);
  });

  it('stays with what it is about when two automations are renamed at once, and goes when its own is deleted', async () => {
    const story = await stories.startStory();
    await withSecondAutomation(story);
    await story.push('6.7.1');
    await story.handle(story.fluxObjectsChanged());
    const opened = story.pulls();
    expect(opened).toEqual(['#1 open Update podinfo to 6.7.1', '#2 open Update infra to 1.0.1']);

    await story.instruct(ofAutomations((one) => [{ ...one, name: `new-${one.name}` }]));
    await story.handle(story.fluxObjectsChanged());
    expect(story.pulls()).toEqual(opened);

    await story.instruct(ofAutomations((one) => (one.name === 'new-infra' ? [] : [one])));
    await story.asPerson.close(1);
    await story.handle(story.fluxObjectsChanged());
    expect(story.pulls()).toEqual(['#1 closed Update podinfo to 6.7.1', '#2 closed Update infra to 1.0.1']);
  });
});

type Automation = ImageStory['automation'];

function ofAutomations(change: (automation: Automation) => readonly Automation[]): ChangeFluxObjects {
  return (now) => ({ ...now, imageUpdateAutomations: now.imageUpdateAutomations.flatMap(change) });
}

async function openAsPerson(story: ImageStory, head: string): Promise<void> {
  const { github } = stories.github;
  const octokit = new Octokit({ baseUrl: github.apiUrl, auth: github.createToken({ login: 'alice' }) });
  const where = { owner: story.repository.owner, repo: story.repository.name };
  await octokit.request('POST /repos/{owner}/{repo}/pulls', { ...where, head, base: 'main', title: 'Image updates' });
}

async function told(story: ImageStory, cluster = CLUSTER): Promise<void> {
  await story.handle(JSON.stringify({ type: 'InstructionsChanged', cluster }));
}

/** The run fails at the first reference that it reads. */
async function failing(story: ImageStory): Promise<void> {
  let failed = false;
  stories.interruptWith((endpoint) => {
    if (!failed && endpoint.includes('/git/ref')) {
      failed = true;
      stories.github.github.faults.add({ fault: { status: 502 }, times: 2 });
    }
    return Promise.resolve();
  });
  await told(story);
  stories.interruptWith(null);
  stories.github.github.faults.clear();
  expect(failed).toBe(true);
}

/** One more image, with a file, a policy and an automation of its own, all called infra. */
async function withSecondAutomation(story: ImageStory, tags: readonly string[] = ['1.0.0', '1.0.1']): Promise<void> {
  const repository = `team/infra-${story.repository.name}/infra`;
  const image = await stories.images.createRepository(repository);
  for (const tag of tags) await stories.images.push(repository, tag);
  await story.commitAsPerson('main', 'infra/x.yaml', 'tag: 1.0.0 # {"$imagepolicy": "flux-system:infra:tag"}\n');
  const name = 'infra';
  await story.instruct((now) => ({
    ...now,
    imageRepositories: now.imageRepositories.flatMap((one) => [one, { ...one, name, image }]),
    imagePolicies: now.imagePolicies.flatMap((one) => [
      one,
      {
        ...one,
        name,
        imageRepositoryRef: { ...one.imageRepositoryRef, name },
        policy: { kind: 'semver' as const, range: '1.x' },
      },
    ]),
    imageUpdateAutomations: now.imageUpdateAutomations.flatMap((one) => [one, { ...one, name, updatePath: './infra' }]),
  }));
}
