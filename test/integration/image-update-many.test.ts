import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { FluxObjects } from '#shared/flux/flux-objects.ts';

import { MINUTE, startImageStories, type ImageStories, type ImageStory } from './image-stories.ts';
import { openRegistryInMemory } from './story-registry.ts';

const REPOSITORIES = 40;
/** What one repository costs by the clock of the story; runs of a minute read about eleven. Milliseconds. */
const LIST_MS = 4_000;
const RUNS = 12;

const images = openRegistryInMemory();
let onList: (image: string) => void = () => undefined;
let stories: ImageStories;

beforeAll(async () => {
  const listTags = (image: string) => {
    onList(image);
    return images.registry.listTags(image);
  };
  stories = await startImageStories(() => ({ ...images, registry: { listTags } }));
});
afterAll(() => stories?.close());

describe('an automation that uses more image repositories than one run can read', () => {
  it('runs once all of them were read, however many runs that takes, and none is read twice before', async () => {
    const { story, reads } = await startWithMany();

    const runs = await tickUntilProposed(story);

    expect(runs).toBeGreaterThan(1);
    expect(runs).toBeLessThanOrEqual(RUNS);
    expect(story.pulls()).toEqual(['#1 open Update podinfo to 6.7.1']);
    expect(reads.size).toBe(REPOSITORIES);
    expect(Math.max(...reads.values())).toBe(1);
  });

  it('reads an image anew that is pushed meanwhile', async () => {
    const { story } = await startWithMany();
    await story.handle(story.tick());
    await story.push('6.7.2');
    await story.handle(story.pushed());

    await tickUntilProposed(story);

    expect(story.pulls()).toEqual(['#1 open Update podinfo to 6.7.2']);
  });

  it('goes on with what it chose where there is no time to read all of them again for its open pull request', async () => {
    const { story } = await startWithMany();
    await tickUntilProposed(story);
    await story.push('6.7.2');
    story.wait(40 * MINUTE);

    for (let run = 0; run < RUNS && !story.pulls()[0]?.endsWith('6.7.2'); run += 1) await story.handle(story.tick());

    expect(story.pulls()).toEqual(['#1 open Update podinfo to 6.7.2']);
    const ready = (await story.status())?.conditions.find(({ type }) => type === 'Ready');
    expect(ready?.message).not.toContain('suspended or not there');
  });
});

async function startWithMany(): Promise<{ readonly story: ImageStory; readonly reads: Map<string, number> }> {
  const story = await stories.startStory();
  const others: string[] = [];
  for (let index = 1; index < REPOSITORIES; index += 1) {
    const name = `team/other-${index}-of-${story.fullName.replaceAll('/', '-').toLowerCase()}`;
    others.push(await images.createRepository(name));
    await images.push(name, '6.0.0');
  }
  await story.instruct((fluxObjects) => withOthers(fluxObjects, others));
  await story.push('6.7.1');
  story.hurry(MINUTE);
  const reads = new Map<string, number>();
  onList = (image) => {
    reads.set(image, (reads.get(image) ?? 0) + 1);
    story.wait(LIST_MS);
  };
  return { story, reads };
}

function withOthers(fluxObjects: FluxObjects, others: readonly string[]): FluxObjects {
  const [repository] = fluxObjects.imageRepositories;
  const [policy] = fluxObjects.imagePolicies;
  if (repository === undefined || policy === undefined) throw new Error('the story has no image');
  const names = others.map((image, index) => ({ image, id: { namespace: 'flux-system', name: `other-${index}` } }));
  return {
    ...fluxObjects,
    imageRepositories: [repository, ...names.map(({ image, id }) => ({ ...repository, ...id, image }))],
    imagePolicies: [policy, ...names.map(({ id }) => ({ ...policy, ...id, imageRepositoryRef: id }))],
  };
}

/** @returns after how many ticks there is a pull request. */
async function tickUntilProposed(story: ImageStory): Promise<number> {
  for (let run = 1; run <= RUNS; run += 1) {
    expect(await story.handle(story.tick())).toEqual([]);
    if (story.pulls().length > 0) return run;
  }
  return Number.POSITIVE_INFINITY;
}
