import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { sampleSize } from '#test/sample-size.ts';

import { BRANCH, MINUTE, startImageStories, type ImageStories, type ImageStory } from './image-stories.ts';
import { openRegistryInMemory } from './story-registry.ts';

let stories: ImageStories;

beforeAll(async () => {
  stories = await startImageStories(openRegistryInMemory);
});

afterAll(async () => {
  await stories?.close();
});

/** What somebody does between two requests of a run that is about to propose 6.7.2 in the open pull request of 6.7.1. */
const ACTIONS: readonly (readonly [string, (story: ImageStory) => Promise<unknown>, Outcome])[] = [
  ['merges it', (story) => story.merge(1, 'merge'), { proposed: '6.7.2' }],
  ['squashes it', (story) => story.merge(1, 'squash'), { proposed: '6.7.2' }],
  ['closes it', (story) => story.asPerson.close(1), { proposed: '6.7.2 unless it was closed' }],
  ['pushes onto its branch', pushOnBranch, { proposed: 'by its person' }],
  ['deletes its branch', (story) => story.asPerson.deleteBranch(BRANCH), { proposed: '6.7.2 unless it was closed' }],
  ['pushes to the base', pushOnBase, { proposed: '6.7.2' }],
];

interface Outcome {
  readonly proposed: string;
}

/** A process that knows the repository asks less than one that was started for the run: tokens, trees. */
const PROCESSES: readonly (readonly [string, (story: ImageStory) => Promise<unknown>])[] = [
  ['a process that has run before', (story) => story.handle(story.pushed())],
  ['a new process', (story) => story.handleElsewhere(story.pushed())],
];
const RACES = PROCESSES.flatMap(([where, run]) =>
  ACTIONS.map(([what, act, outcome]) => [where, what, { run, act, outcome }] as const),
);

describe.each(RACES)('while a run of %s works, somebody %s', (_where, _what, { run, act, outcome }) => {
  it('between any two of its requests, and nothing is lost, wrongly held or said', { timeout: 900_000 }, async () => {
    const requests = await countRequests(run);
    const faults: string[] = [];
    for (let at = 1; at <= requests + 1; at += sampleSize(4, 1)) {
      const story = await openAt671();
      await interruptAt(at, () => act(story));
      await run(story);
      stories.interruptWith(null);
      if (at > requests) await act(story);
      await settle(story);
      for (const fault of await faultsOf(story, outcome)) faults.push(`before request ${at} of ${requests}: ${fault}`);
    }

    expect(requests).toBeGreaterThan(10);
    expect(faults).toEqual([]);
  });
});

/** How many requests the run makes when nobody comes between. */
async function countRequests(run: (story: ImageStory) => Promise<unknown>): Promise<number> {
  const story = await openAt671();
  let count = 0;
  stories.interruptWith(async () => {
    count += 1;
  });
  await run(story);
  stories.interruptWith(null);
  return count;
}

async function interruptAt(at: number, act: () => Promise<unknown>): Promise<void> {
  let count = 0;
  stories.interruptWith(async () => {
    count += 1;
    if (count === at) await act();
  });
}

/** 6.7.0 runs, #1 proposes 6.7.1, and 6.7.2 was pushed just now. */
async function openAt671(): Promise<ImageStory> {
  const story = await stories.startStory();
  await story.push('6.7.1');
  await story.handle(story.pushed());
  await story.push('6.7.2');
  return story;
}

/** Runs until nothing is due any more. */
async function settle(story: ImageStory): Promise<void> {
  for (let round = 0; round < 3; round += 1) {
    story.wait(40 * MINUTE);
    await story.handle(story.pushed(), story.tick());
  }
}

async function pushOnBranch(story: ImageStory): Promise<void> {
  await story.commitAsPerson(BRANCH, 'note.md', 'wait for me\n');
}

async function pushOnBase(story: ImageStory): Promise<void> {
  await story.commitAsPerson('main', 'README.md', 'meanwhile\n');
}

/** What is wrong when all is quiet, in words. */
async function faultsOf(story: ImageStory, { proposed }: Outcome): Promise<readonly string[]> {
  const pulls = stories.github.github.pulls(story.fullName);
  const open = pulls.filter(({ state }) => state === 'open');
  if (proposed === 'by its person') {
    // Theirs it is in any case, whether they were faster than our commit or not.
    const isTheirs = open.length === 1 && open[0]?.number === 1;
    const isKept = (await story.readFile(BRANCH, 'note.md')) === 'wait for me\n';
    return [...(isTheirs ? [] : [`open are ${numbersOf(open)}`]), ...(isKept ? [] : ['their commit is lost'])];
  }
  const runs = await story.tagAt('main');
  const first = await story.tagAt('refs/pull/1/head');
  const isRefused = proposed === '6.7.2 unless it was closed' && first === '6.7.2';
  const wanted = isRefused || runs === '6.7.2' ? [] : ['6.7.2'];
  const found = await openTags(story);
  const faults = found.join() === wanted.join() ? [] : [`proposed is [${found.join()}], not [${wanted.join()}]`];
  for (const { number, state, title } of pulls) {
    const tag = await story.tagAt(`refs/pull/${number}/head`);
    const isRight =
      state === 'open' ? title === `Update podinfo to ${tag}` : /^Update podinfo to 6\.7\.[12]$/u.test(title);
    if (!isRight) faults.push(`#${number} is called "${title}" and holds ${tag}`);
  }
  return faults;
}

function numbersOf(pulls: readonly { readonly number: number }[]): string {
  return pulls.map(({ number }) => `#${number}`).join(', ');
}

async function openTags(story: ImageStory): Promise<readonly (string | undefined)[]> {
  const open = stories.github.github.pulls(story.fullName).filter(({ state }) => state === 'open');
  return Promise.all(open.map(({ number }) => story.tagAt(`refs/pull/${number}/head`)));
}
