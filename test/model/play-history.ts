import { FILE, MINUTE, type ImageStories, type ImageStory } from '#test/integration/image-stories.ts';

import { faultsOf, startModel, type PullRequestModel, type SeenPull, type SeenWorld } from './pull-request-model.ts';

/** Who acts, and before which request of the run that is going on; 0 is between two runs. */
export interface Step {
  readonly action: Action;
  readonly at: number;
}

export type Action =
  | 'push image'
  | 'merge'
  | 'squash'
  | 'close'
  | 'reopen'
  | 'take back'
  | 'revert'
  | 'update by hand'
  | 'delete branch'
  | 'commit on branch'
  | 'commit beside'
  | 'commit on base'
  | 'update branch'
  | 'rewrite base'
  | 'replace body'
  | 'reword title'
  | 'suspend policy'
  | 'resume policy'
  | 'rename automation'
  | 'remove automation'
  | 'restore automation'
  | 'fault'
  | 'lose answer';

const FIRST = 0;
/** More than enough for every request that failed to be made again. */
const MOST_ROUNDS = 8;

/** Plays a history on a configuration repository of its own and says what is wrong when all is quiet. */
export async function playHistory(stories: ImageStories, steps: readonly Step[]): Promise<readonly string[]> {
  const story = await stories.startStory();
  try {
    return await playIn(stories, story, steps);
  } finally {
    await story.end();
  }
}

async function playIn(stories: ImageStories, story: ImageStory, steps: readonly Step[]): Promise<readonly string[]> {
  const model = startModel(FIRST);
  const world = { stories, story, model, names: 0, serial: 0 };
  for (const { action, at } of steps) {
    if (at === 0) {
      await act(world, action);
      await story.handle(story.pushed());
      continue;
    }
    let count = 0;
    let acted = false;
    stories.interruptWith(async () => {
      count += 1;
      if (count !== at || acted) return;
      acted = true;
      await act(world, action);
    });
    await story.handle(story.pushed());
    stories.interruptWith(null);
    if (!acted) await act(world, action);
  }
  stories.github.github.faults.clear();
  return faultsOf(model, await settle(world));
}

/** Lets Tidegate run until a run changes nothing any more. */
async function settle(world: World): Promise<SeenWorld> {
  let before = '';
  for (let round = 1; ; round += 1) {
    world.story.wait(40 * MINUTE);
    await world.story.handle(world.story.instructionsChanged());
    const seen = await look(world);
    const now = JSON.stringify([seen, world.stories.github.github.pulls(world.story.fullName)]);
    if (now === before) return seen;
    if (round === MOST_ROUNDS) throw new Error(`it does not come to rest: ${before} ${now}`);
    before = now;
  }
}

interface World {
  readonly stories: ImageStories;
  readonly story: ImageStory;
  readonly model: PullRequestModel;
  names: number;
  serial: number;
}

async function act(world: World, action: Action): Promise<void> {
  const { stories, story, model } = world;
  const { github } = stories.github;
  world.serial += 1;
  const open = github.pulls(story.fullName).find(({ state }) => state === 'open');
  switch (action) {
    case 'push image': {
      const next = Math.max(...model.pushed) + 1;
      model.pushed.add(next);
      await story.push(`6.7.${next}`);
      return;
    }
    case 'merge':
    case 'squash': {
      if (open === undefined) return;
      const holds = await holdsOf(story, open.number);
      const isMerged = await story.merge(open.number, action).then(
        () => true,
        () => false,
      );
      if (!isMerged) return;
      decide(world, open.number);
      if (holds !== undefined && !(await isWithdrawal(story, open.number))) model.merged.set(open.number, holds);
      return;
    }
    case 'close': {
      if (open === undefined) return;
      await story.asPerson.close(open.number);
      await refuse(world, open.number);
      return;
    }
    case 'delete branch': {
      if (open === undefined) return;
      await story.asPerson.deleteBranch(open.head);
      await refuse(world, open.number);
      return;
    }
    case 'reopen': {
      const closed = github
        .pulls(story.fullName)
        .findLast(({ state, mergedAt }) => state === 'closed' && mergedAt === null);
      if (closed === undefined) return;
      const isOpen = await story.asPerson.reopen(closed.number).then(
        () => true,
        () => false,
      );
      if (!isOpen) return;
      model.closed.delete(closed.number);
      model.decidedText.delete(closed.number);
      return;
    }
    case 'take back': {
      const decided = [...model.closed.keys(), ...model.merged.keys()].at(-1);
      if (decided === undefined) return;
      await story.asPerson.comment(decided, 'We want it after all.\n/tidegate propose');
      model.takenBack.add(decided);
      return;
    }
    case 'revert':
      return setTag(world, Math.min(...model.pushed));
    case 'update by hand':
      return setTag(world, Math.max(...model.pushed));
    case 'commit on branch': {
      if (open === undefined) return;
      model.personsCommits.push(await story.commitAsPerson(open.head, `note-${world.serial}.md`, 'wait for me\n'));
      model.theirs.add(open.number);
      return;
    }
    case 'commit beside': {
      const file = await story.readFile('main', FILE);
      if (file === null) return;
      const text = file.replace(/^# .*$/mu, `# the tag is set by the automation, ${world.serial}`);
      model.personsCommits.push(await story.commitAsPerson('main', FILE, text));
      return;
    }
    case 'commit on base':
      model.personsCommits.push(await story.commitAsPerson('main', `README-${world.serial}.md`, 'meanwhile\n'));
      return;
    case 'update branch':
      if (open !== undefined) await github.updateBranch(story.fullName, open.number, 'alice').catch(() => undefined);
      return;
    case 'rewrite base': {
      // The history is another, what it holds is the same.
      const file = await story.readFile('main', FILE);
      const root = await story.firstCommit();
      model.personsCommits.length = 0;
      await story.asPerson.pointBranch('main', root);
      model.personsCommits.push(await story.commitAsPerson('main', FILE, file ?? ''));
      return;
    }
    case 'replace body':
      if (open !== undefined) await story.asPerson.edit(open.number, { body: `All mine, ${world.serial}.` });
      return;
    case 'reword title':
      if (open !== undefined)
        await story.asPerson.edit(open.number, { title: `Please: 6.7.${await holdsOf(story, open.number)}` });
      return;
    case 'suspend policy':
    case 'resume policy':
      model.isSuspended = action === 'suspend policy';
      await story.instruct((now) => ({
        ...now,
        imagePolicies: now.imagePolicies.map((policy) => ({ ...policy, suspend: model.isSuspended })),
      }));
      return;
    case 'rename automation':
      world.names += 1;
      await story.instruct((now) => ({
        ...now,
        imageUpdateAutomations: now.imageUpdateAutomations.map((one) => ({ ...one, name: `apps-${world.names}` })),
      }));
      return;
    case 'remove automation':
      model.isWanted = false;
      await story.instruct((now) => ({ ...now, imageUpdateAutomations: [] }));
      return;
    case 'restore automation':
      model.isWanted = true;
      await story.instruct((now) => ({ ...now, imageUpdateAutomations: [story.automation] }));
      return;
    case 'fault':
      github.faults.add({ fault: { status: 502 }, times: 1 });
      return;
    case 'lose answer':
      github.faults.add({ fault: 'lose-answer', times: 1 });
  }
}

async function setTag({ story, model }: World, patch: number): Promise<void> {
  const file = await story.readFile('main', FILE);
  if (file === null) return;
  model.personsCommits.push(
    await story.commitAsPerson('main', FILE, file.replace(/newTag: \S+/u, `newTag: 6.7.${patch}`)),
  );
}

/** What a person said no to: the version that the pull request held at that moment. */
async function refuse(world: World, number: number): Promise<void> {
  decide(world, number);
  const { story, model } = world;
  const holds = await holdsOf(story, number);
  const runs = await story.tagAt('main');
  // A pull request that holds what runs, or that we were withdrawing, proposes nothing.
  if (holds === undefined || `6.7.${holds}` === runs || (await isWithdrawal(story, number))) return;
  model.closed.set(number, holds);
}

function decide({ stories, story, model }: World, number: number): void {
  model.decidedText.set(number, textOf(stories, story, number));
  model.theirs.delete(number);
}

async function isWithdrawal(story: ImageStory, number: number): Promise<boolean> {
  return (await story.messageOf(`refs/pull/${number}/head`)).startsWith('Withdraw ');
}

async function holdsOf(story: ImageStory, number: number): Promise<number | undefined> {
  const tag = await story.tagAt(`refs/pull/${number}/head`);
  return tag === undefined ? undefined : Number(tag.split('.').at(-1));
}

function textOf(stories: ImageStories, story: ImageStory, number: number): string {
  const pull = stories.github.github.pulls(story.fullName).find((one) => one.number === number);
  return `${pull?.title}\n${pull?.body}`;
}

async function look({ stories, story, model }: World): Promise<SeenWorld> {
  const pulls: SeenPull[] = [];
  for (const { number, state, title } of stories.github.github.pulls(story.fullName)) {
    pulls.push({
      number,
      title,
      isOpen: state === 'open',
      text: textOf(stories, story, number),
      holds: await holdsOf(story, number),
    });
  }
  const runs = Number((await story.tagAt('main'))?.split('.').at(-1));
  const lostCommits = await story.unreachable(model.personsCommits);
  return { runs, pulls, lostCommits };
}
