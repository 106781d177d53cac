import type { ImageStories, ImageStory } from '#test/integration/image-stories.ts';
import { MINUTE, FILE as STORY_FILE } from '#test/integration/image-stories.ts';

import { faultsOfImages, isUndecided, startImage, type ImageModel, type SeenProposal } from './images-model.ts';

export const IMAGE_ACTIONS = [
  'push',
  'merge',
  'squash',
  'close',
  'take back',
  'revert',
  'update by hand',
  'suspend',
  'resume',
  'lose repository',
  'find repository',
  'commit on base',
  'fault',
  'lose answer',
] as const;

/** Who acts on which of the images, and before which request of the run that is going on; 0 is between two runs. */
export interface ImageStep {
  readonly action: (typeof IMAGE_ACTIONS)[number];
  readonly image: 0 | 1 | 2;
  readonly at: number;
}

const NAMES = ['podinfo', 'web', 'worker'] as const;
const FILE = 'apps/images.yaml';
const MOST_ROUNDS = 8;

interface World {
  readonly stories: ImageStories;
  readonly story: ImageStory;
  readonly repositories: readonly string[];
  readonly addresses: readonly string[];
  readonly models: readonly ImageModel[];
  serial: number;
}

let worlds = 0;

/** Plays a history of three images in one file, all of them in one pull request, and says what is wrong when all is quiet. */
export async function playImages(stories: ImageStories, steps: readonly ImageStep[]): Promise<readonly string[]> {
  worlds += 1;
  const repositories = NAMES.map((name) => `team/${name}-${worlds}`);
  const addresses = await Promise.all(repositories.map((name) => stories.images.createRepository(name)));
  for (const name of repositories) await stories.images.push(name, '6.7.0');
  const lines = NAMES.map((name) => `${name}: 6.7.0 # {"$imagepolicy": "flux-system:${name}:tag"}\n`);
  const story = await stories.startStory({ files: () => ({ [STORY_FILE]: '# nothing\n', [FILE]: lines.join('') }) });
  const world = { stories, story, repositories, addresses, models: NAMES.map(startImage), serial: 0 };
  try {
    await instruct(world);
    for (const step of steps) await play(world, step);
    stories.github.github.faults.clear();
    return await settle(world);
  } finally {
    stories.interruptWith(null);
    stories.github.github.faults.clear();
    await story.end();
  }
}

async function play(world: World, step: ImageStep): Promise<void> {
  const { stories, story } = world;
  let [count, acted] = [0, step.at === 0];
  if (acted) await act(world, step);
  stories.interruptWith(async () => {
    count += 1;
    if (count !== step.at) return;
    acted = true;
    await act(world, step);
  });
  await story.handle(story.tick(), story.fluxObjectsChanged());
  stories.interruptWith(null);
  if (!acted) await act(world, step);
}

async function settle(world: World): Promise<readonly string[]> {
  let before = '';
  for (let round = 1; round <= MOST_ROUNDS; round += 1) {
    world.story.wait(40 * MINUTE);
    await world.story.handle(world.story.tick(), world.story.fluxObjectsChanged());
    const pulls = pullsOf(world);
    const runs = await tagsAt(world, 'main');
    const open = pulls.filter(({ state }) => state === 'open');
    const [first] = open;
    const proposed = first === undefined ? [] : await tagsAt(world, `refs/pull/${first.number}/head`);
    const now = JSON.stringify([pulls, runs, proposed]);
    if (now === before) {
      const seen = NAMES.map((_, index) => ({ runs: runs[index] ?? Number.NaN, proposed: proposed[index] }));
      return faultsOfImages(world.models, seen, open.map(proposalOf));
    }
    before = now;
  }
  return [`it does not come to rest: ${before}`];
}

function pullsOf({ stories, story }: World) {
  return stories.github.github.pulls(story.fullName).map(({ number, state, body }) => ({ number, state, body }));
}

function proposalOf({ number, body }: { readonly number: number; readonly body: string | null }): SeenProposal {
  return { number, rows: [...(body ?? '').matchAll(/\| `6\.7\.(\d+)` \|\n/gu)].map(([, patch]) => Number(patch)) };
}

/** The Flux objects as the models have them. */
async function instruct({ story, addresses, models }: World): Promise<void> {
  await story.instruct((now) => ({
    ...now,
    imageRepositories: NAMES.flatMap((name, index) =>
      now.imageRepositories
        .map((one) => ({
          ...one,
          name,
          image: models[index]?.isLost === true ? `${addresses[index]}-gone` : (addresses[index] ?? ''),
        }))
        .slice(0, 1),
    ),
    imagePolicies: NAMES.flatMap((name, index) =>
      now.imagePolicies
        .map((one) => ({
          ...one,
          name,
          imageRepositoryRef: { ...one.imageRepositoryRef, name },
          suspend: models[index]?.isSuspended === true,
        }))
        .slice(0, 1),
    ),
  }));
}

async function act(world: World, { action, image }: ImageStep): Promise<void> {
  const { stories, story, repositories } = world;
  const { github } = stories.github;
  const model = world.models[image] ?? startImage();
  const open = pullsOf(world).find(({ state }) => state === 'open');
  switch (action) {
    case 'push': {
      const next = Math.max(...model.pushed) + 1;
      model.pushed.add(next);
      return stories.images.push(repositories[image] ?? '', `6.7.${next}`);
    }
    case 'merge':
    case 'squash': {
      if (open === undefined) return;
      const brings = await bringsOf(world, open.number);
      await story.merge(open.number, action).then(
        () => decide(world, 'merged', open.number, brings),
        () => undefined,
      );
      return;
    }
    case 'close': {
      if (open === undefined) return;
      const brings = await bringsOf(world, open.number);
      await story.asPerson.close(open.number);
      return decide(world, 'closed', open.number, brings);
    }
    case 'take back': {
      const decided = pullsOf(world).findLast(({ state }) => state !== 'open');
      if (decided === undefined) return;
      await story.asPerson.comment(decided.number, '/tidegate propose');
      for (const { closed, merged } of world.models) {
        closed.delete(decided.number);
        merged.delete(decided.number);
      }
      return;
    }
    case 'revert':
      return setTag(world, image, 0);
    case 'update by hand':
      return setTag(world, image, Math.max(...model.pushed));
    case 'suspend':
    case 'lose repository':
      await keep(world, image);
      if (action === 'suspend') model.isSuspended = true;
      else model.isLost = true;
      return instruct(world);
    case 'resume':
      model.isSuspended = false;
      return instruct(world);
    case 'find repository':
      model.isLost = false;
      return instruct(world);
    case 'commit on base':
      world.serial += 1;
      await story.commitAsPerson('main', `note-${world.serial}.md`, 'meanwhile\n');
      return;
    case 'fault':
      github.faults.add({ fault: { status: 502 }, times: 1 });
      return;
    case 'lose answer':
      github.faults.add({ fault: 'lose-answer', times: 1 });
      return;
  }
}

/** What a pull request holds of the image now, or will when a run that has looked already ends. */
async function keep(world: World, image: number): Promise<void> {
  const model = world.models[image];
  if (model === undefined || isUndecided(model)) return;
  const pulls = pullsOf(world);
  const open = pulls.find(({ state }) => state === 'open')?.number;
  const held = open === undefined ? undefined : (await tagsAt(world, `refs/pull/${open}/head`))[image];
  // A run that has decided already may still open one.
  const pull = open ?? pulls.length + 1;
  model.keeps = { pull, versions: [held ?? [], Math.max(...model.pushed)].flat(), isHeld: held !== undefined };
}

function decide(world: World, how: 'closed' | 'merged', number: number, brings: readonly (number | undefined)[]): void {
  for (const [index, model] of world.models.entries()) {
    const version = brings[index];
    if (version !== undefined) model[how].set(number, version);
  }
}

/** What a pull request changes, image by image. */
async function bringsOf(world: World, number: number): Promise<readonly (number | undefined)[]> {
  const head = await tagsAt(world, `refs/pull/${number}/head`);
  const under = await tagsAt(world, `refs/pull/${number}/head^`);
  return NAMES.map((_, index) => (head[index] === under[index] ? undefined : head[index]));
}

async function tagsAt({ story }: World, ref: string): Promise<readonly number[]> {
  const text = (await story.readFile(ref, FILE)) ?? '';
  return NAMES.map((name) => Number(new RegExp(`^${name}: 6\\.7\\.(\\d+) `, 'mu').exec(text)?.[1]));
}

async function setTag({ story }: World, image: number, patch: number): Promise<void> {
  const text = (await story.readFile('main', FILE)) ?? '';
  const line = new RegExp(`^(${NAMES[image]}: 6\\.7\\.)\\d+`, 'mu');
  await story.commitAsPerson('main', FILE, text.replace(line, `$1${patch}`));
}
