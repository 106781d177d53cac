import { Octokit } from '@octokit/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { startImageStories, type ChangeInstructions, type ImageStories, type ImageStory } from './image-stories.ts';

let stories: ImageStories;

beforeAll(async () => {
  stories = await startImageStories();
});

afterAll(async () => {
  await stories?.close();
});

describe('a pull request that people and instructions act on', () => {
  it('is left open when somebody opened it from the branch that push.branch names', async () => {
    const story = await stories.startStory();
    await story.instruct(ofAutomations((one) => [{ ...one, pushBranch: 'flux-image-updates' }]));
    await story.push('6.7.1');
    await story.handle(story.pushed());
    await openAsPerson(story, 'flux-image-updates');

    await story.handle(story.instructionsChanged());

    expect(story.pulls()).toEqual(['#1 open Image updates']);
    expect(await story.tagAt('flux-image-updates')).toBe('6.7.1');
  });
});

type Automation = ImageStory['automation'];

function ofAutomations(change: (automation: Automation) => readonly Automation[]): ChangeInstructions {
  return (now) => ({ ...now, imageUpdateAutomations: now.imageUpdateAutomations.flatMap(change) });
}

async function openAsPerson(story: ImageStory, head: string): Promise<void> {
  const { github } = stories.github;
  const octokit = new Octokit({ baseUrl: github.apiUrl, auth: github.createToken({ login: 'alice' }) });
  const where = { owner: story.repository.owner, repo: story.repository.name };
  await octokit.request('POST /repos/{owner}/{repo}/pulls', { ...where, head, base: 'main', title: 'Image updates' });
}
