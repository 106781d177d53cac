import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { BRANCH, MINUTE, startImageStories, type ImageStories, type ImageStory } from './image-stories.ts';

let stories: ImageStories;

beforeAll(async () => {
  stories = await startImageStories();
});

afterEach(() => {
  stories.interruptWith(null);
});

afterAll(async () => {
  await stories?.close();
});

/** 6.7.0 runs, and #1 proposes 6.7.1. */
async function openAt671(): Promise<ImageStory> {
  const story = await stories.startStory();
  await story.push('6.7.1');
  await story.handle(story.pushed());
  expect(story.pulls()).toEqual(['#1 open Update podinfo to 6.7.1']);
  return story;
}

async function readyOf(story: ImageStory) {
  return (await story.status())?.conditions.find(({ type }) => type === 'Ready');
}

/** Runs as the minutes pass, until nothing is due any more. */
async function settle(story: ImageStory): Promise<void> {
  for (let round = 0; round < 3; round += 1) {
    story.wait(40 * MINUTE);
    await story.handle(story.tick());
  }
}

describe('an image that is pushed', () => {
  it('waits for its archived repository with a status that says so, and is proposed once that is unarchived', async () => {
    const { github } = stories.github;
    const story = await stories.startStory();
    github.setRepository(story.fullName, { archived: true });
    await story.push('6.7.1');

    await story.handle(story.pushed());

    expect(story.pulls()).toEqual([]);
    expect(await readyOf(story)).toMatchObject({ status: 'False', message: expect.stringContaining('archived') });

    github.setRepository(story.fullName, { archived: false });
    await settle(story);
    expect(story.pulls()).toEqual(['#1 open Update podinfo to 6.7.1']);
    expect(await readyOf(story)).toMatchObject({ status: 'True' });
  });

  it('is proposed anew when the last approval merged the pull request before it while the run was about to write', async () => {
    const { github } = stories.github;
    const story = await openAt671();
    github.setRepository(story.fullName, {
      deleteBranchOnMerge: true,
      rules: [{ type: 'pull_request', branches: 'main', approvals: 1 }],
    });
    await github.enableAutoMerge(story.fullName, 1, 'alice', 'squash');
    await story.push('6.7.2');
    let isApproved = false;
    stories.interruptWith(async (endpoint) => {
      if (isApproved || !endpoint.endsWith('/git/commits')) return;
      isApproved = true;
      await github.approve(story.fullName, 1, 'bob');
    });

    await story.handle(story.pushed());
    stories.interruptWith(null);
    await settle(story);

    expect(isApproved).toBe(true);
    expect(story.pulls()).toEqual(['#1 closed Update podinfo to 6.7.1', '#2 open Update podinfo to 6.7.2']);
    expect([await story.tagAt('main'), await story.tagAt('refs/pull/1/head')]).toEqual(['6.7.1', '6.7.1']);
    expect(await story.tagAt('refs/pull/2/head')).toBe('6.7.2');
  });

  it('waits for the merge queue that holds the pull request before it, and is proposed after it', async () => {
    const { github } = stories.github;
    const story = await openAt671();
    github.setRepository(story.fullName, { rules: [{ type: 'merge_queue', branches: 'main' }] });
    await github.enqueue(story.fullName, 1, 'alice');
    const [before] = github.pulls(story.fullName);
    const { title, body } = before ?? {};
    await story.push('6.7.2');

    await story.handle(story.pushed());
    await settle(story);

    // What is queued stays as it was approved: its commit, and what is said about it.
    expect(github.pulls(story.fullName)).toMatchObject([{ state: 'open', title, body }]);
    expect(await story.tagAt(BRANCH)).toBe('6.7.1');
    expect(await readyOf(story)).toMatchObject({
      status: 'False',
      reason: 'DependencyNotReady',
      message: expect.stringContaining('its pull request waits in the merge queue'),
    });

    expect(await github.mergeQueued(story.fullName, 'main')).toEqual([1]);
    await settle(story);

    expect(story.pulls()).toEqual(['#1 closed Update podinfo to 6.7.1', '#2 open Update podinfo to 6.7.2']);
    expect(await story.tagAt('main')).toBe('6.7.1');
    expect(await readyOf(story)).toMatchObject({ status: 'True' });
  });

  it('stays in its pull request when the base gets another name, and goes on there once the automation says so', async () => {
    const { github } = stories.github;
    const story = await openAt671();
    await github.renameBranch(story.fullName, 'main', 'trunk', 'alice');
    await story.push('6.7.2');

    await story.handle(story.pushed(), story.tick());

    expect(github.pulls(story.fullName)).toMatchObject([{ number: 1, state: 'open', base: 'trunk' }]);
    expect(await story.tagAt(BRANCH)).toBe('6.7.1');
    expect(await readyOf(story)).toMatchObject({ status: 'False', message: expect.stringContaining('main') });

    await story.instruct((fluxObjects) => ({
      ...fluxObjects,
      imageUpdateAutomations: fluxObjects.imageUpdateAutomations.map((one) => ({ ...one, checkoutBranch: 'trunk' })),
    }));
    await story.handle(story.fluxObjectsChanged());
    await settle(story);

    expect(github.pulls(story.fullName)).toMatchObject([
      { number: 1, state: 'open', base: 'trunk', title: 'Update podinfo to 6.7.2' },
    ]);
    expect(await story.tagAt(BRANCH)).toBe('6.7.2');
    expect(await story.tagAt('trunk')).toBe('6.7.0');
  });
});
