import type { ImageUpdateAutomation } from '#shared/flux/kinds/image-update-automation.ts';
import type { Fault } from '#stand-ins/github/faults.ts';
import { CLUSTER, FILE, MINUTE, type ImageStories, type ImageStory } from '#test/integration/image-stories.ts';

import { faultsOf, startModel, type PullRequestModel, type SeenPull, type SeenWorld } from './pull-request-model.ts';

/** Who acts, and before which request of the run that is going on; 0 is between two runs. */
export interface Step {
  readonly action: Action;
  readonly at: number;
  /** Whose file and pull request it is about, where there are two clusters. */
  readonly cluster?: 0 | 1;
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
  | 'commit on branch as a bot'
  | 'comment as a bot'
  | 'label'
  | 'retarget'
  | 'change base'
  | 'push instead'
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
  | 'lose answer'
  | 'refuse token'
  | 'limit'
  | 'limit GraphQL';

const FIRST = 0;
const OTHER_CLUSTER = 'other-cluster';
const OTHER_FILE = 'other/podinfo/kustomization.yaml';
const OTHER_BASE = 'release';
/** One for the automations of both clusters, as repositories of teams have it. */
const PUSH_BRANCH = 'updates';
const LIMITED = 'You have exceeded a secondary rate limit. Please wait a few minutes before you try again.';
/** More than enough for every request that failed to be made again. */
const MOST_ROUNDS = 8;

/** What one cluster wants in its file. */
interface Target {
  readonly cluster: string;
  readonly file: string;
  readonly model: PullRequestModel;
  names: number;
}

interface World {
  readonly stories: ImageStories;
  readonly story: ImageStory;
  readonly targets: readonly [Target, ...Target[]];
  serial: number;
  /** What goes wrong with our next request. */
  disturbance: Fault | undefined;
}

/** Plays a history on a configuration repository of its own and says what is wrong when all is quiet. */
export async function playHistory(stories: ImageStories, steps: readonly Step[]): Promise<readonly string[]> {
  const isShared = steps.some(({ cluster }) => cluster === 1);
  const story = await stories.startStory({
    // A limit lasts as long as the story's own clock says.
    keepsLimits: true,
    ...(isShared ? { files: (image: string) => ({ [OTHER_FILE]: kustomization(image) }) } : {}),
  });
  try {
    return await playIn(await startWorld(stories, story, isShared), steps);
  } finally {
    stories.interruptWith(null);
    stories.github.github.faults.clear();
    await story.end();
  }
}

async function startWorld(stories: ImageStories, story: ImageStory, isShared: boolean): Promise<World> {
  const model = startModel(FIRST);
  const first = { cluster: CLUSTER, file: FILE, model, names: 0 };
  if (!isShared) return { stories, story, targets: [first], serial: 0, disturbance: undefined };
  const { pushed, personsCommits } = model;
  const other = {
    cluster: OTHER_CLUSTER,
    file: OTHER_FILE,
    model: startModel(FIRST, { pushed, personsCommits }),
    names: 0,
  };
  story.configure((now) => ({ ...now, clusters: [CLUSTER, OTHER_CLUSTER].map((name) => ({ name })) }));
  await instruct(story, other, [{ ...story.automation, updatePath: './other' }]);
  return { stories, story, targets: [first, other], serial: 0, disturbance: undefined };
}

async function playIn(world: World, steps: readonly Step[]): Promise<readonly string[]> {
  const { stories, story, targets } = world;
  for (const { action, at, cluster = 0 } of steps) {
    const target = targets[cluster] ?? targets[0];
    let count = 0;
    let acted = at === 0;
    if (at === 0) await act(world, target, action);
    stories.interruptWith(async () => {
      count += 1;
      if (count === at && !acted) {
        acted = true;
        await act(world, target, action);
      }
      // Told of before it is served, this request is the next one that a fault can hit.
      if (world.disturbance !== undefined) stories.github.github.faults.add({ fault: world.disturbance, times: 1 });
      world.disturbance = undefined;
    });
    await story.handle(story.pushed());
    stories.interruptWith(null);
    if (!acted) await act(world, target, action);
  }
  stories.github.github.faults.clear();
  const seen = await settle(world);
  return targets.flatMap(({ model }, index) => {
    const part = seen[index];
    return part === undefined ? [] : faultsOf(model, part);
  });
}

/** Lets Tidegate run until a run changes nothing any more. */
async function settle(world: World): Promise<readonly SeenWorld[]> {
  let before = '';
  for (let round = 1; ; round += 1) {
    world.story.wait(40 * MINUTE);
    const hints = world.targets.map(({ cluster }) => JSON.stringify({ type: 'InstructionsChanged', cluster }));
    await world.story.handle(...hints);
    const seen = await Promise.all(world.targets.map((target) => look(world, target)));
    const now = JSON.stringify([seen, world.stories.github.github.pulls(world.story.fullName)]);
    if (now === before) return seen;
    if (round === MOST_ROUNDS) throw new Error(`it does not come to rest: ${before} ${now}`);
    before = now;
  }
}

function instruct(
  story: ImageStory,
  { cluster }: Target,
  automations: readonly ImageUpdateAutomation[],
): Promise<void> {
  return story.instructOf(cluster, (now) => ({ ...now, imageUpdateAutomations: automations }));
}

async function act(world: World, target: Target, action: Action): Promise<void> {
  const { stories, story } = world;
  const { model, file: path } = target;
  const { github } = stories.github;
  world.serial += 1;
  const open = pullsOf(world, target).find(({ state }) => state === 'open');
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
      const version = await holdsOf(world, target, open.number);
      const isMerged = await story.merge(open.number, action).then(
        () => true,
        () => false,
      );
      if (!isMerged) return;
      decide(world, target, open.number);
      const isWithdrawn = await isWithdrawal(story, open.number);
      if (version !== undefined && !isWithdrawn) model.merged.set(open.number, { version, base: open.base });
      return;
    }
    case 'close': {
      if (open === undefined) return;
      await story.asPerson.close(open.number);
      await refuse(world, target, open.number);
      return;
    }
    case 'delete branch': {
      if (open === undefined) return;
      await story.asPerson.deleteBranch(open.head);
      await refuse(world, target, open.number);
      return;
    }
    case 'reopen': {
      const closed = pullsOf(world, target).findLast(({ state, mergedAt }) => state === 'closed' && mergedAt === null);
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
      return setTag(world, target, Math.min(...model.pushed));
    case 'update by hand':
      return setTag(world, target, Math.max(...model.pushed));
    case 'commit on branch': {
      if (open === undefined) return;
      model.personsCommits.push(await story.commitAsPerson(open.head, `note-${world.serial}.md`, 'wait for me\n'));
      model.theirs.add(open.number);
      return;
    }
    case 'commit on branch as a bot': {
      if (open === undefined) return;
      const note = { [`bot-${world.serial}.md`]: 'formatted\n' };
      const sha = await github.commitFiles(story.fullName, open.head, note, 'Format', 'prettier[bot]');
      model.personsCommits.push(sha);
      model.theirs.add(open.number);
      return;
    }
    case 'comment as a bot':
      if (open !== undefined) await story.asPerson.comment(open.number, `Preview ${world.serial} is ready.`);
      return;
    case 'label':
      if (open !== undefined) await story.asPerson.label(open.number, `seen-${world.serial}`);
      return;
    case 'retarget': {
      if (open === undefined) return;
      await ensureOtherBase(world);
      const base = open.base === 'main' ? OTHER_BASE : 'main';
      // One without changes of its own in the other base is refused.
      await story.asPerson.edit(open.number, { base }).then(
        () => model.retargeted.add(open.number),
        () => undefined,
      );
      return;
    }
    case 'change base':
      await ensureOtherBase(world);
      for (const one of world.targets) one.model.base = one.model.base === 'main' ? OTHER_BASE : 'main';
      return story.configure((now) => ({
        ...now,
        configRepository: { ...now.configRepository, branch: model.base },
      }));
    case 'push instead':
      model.isWanted = true;
      model.pushes = true;
      return instruct(story, target, [{ ...automationOf(world, target), pushBranch: PUSH_BRANCH }]);
    case 'commit beside': {
      const file = await story.readFile(model.base, path);
      if (file === null) return;
      const text = file.replace(/^# .*$/mu, `# the tag is set by the automation, ${world.serial}`);
      model.personsCommits.push(await story.commitAsPerson(model.base, path, text));
      return;
    }
    case 'commit on base':
      model.personsCommits.push(await story.commitAsPerson(model.base, `README-${world.serial}.md`, 'meanwhile\n'));
      return;
    case 'update branch':
      if (open !== undefined) await github.updateBranch(story.fullName, open.number, 'alice').catch(() => undefined);
      return;
    case 'rewrite base': {
      // The history is another, what it holds is the same.
      const files: Record<string, string> = {};
      for (const { file } of world.targets) files[file] = (await story.readFile(model.base, file)) ?? '';
      const root = await story.firstCommit();
      model.personsCommits.length = 0;
      await story.asPerson.pointBranch(model.base, root);
      model.personsCommits.push(await github.commitFiles(story.fullName, model.base, files, 'Begin again', 'alice'));
      return;
    }
    case 'replace body':
      if (open !== undefined) await story.asPerson.edit(open.number, { body: `All mine, ${world.serial}.` });
      return;
    case 'reword title':
      if (open !== undefined) {
        await story.asPerson.edit(open.number, { title: `Please: 6.7.${await holdsOf(world, target, open.number)}` });
      }
      return;
    case 'suspend policy':
    case 'resume policy':
      for (const one of world.targets) one.model.isSuspended = action === 'suspend policy';
      await story.instruct((now) => ({
        ...now,
        imagePolicies: now.imagePolicies.map((policy) => ({ ...policy, suspend: model.isSuspended })),
      }));
      for (const one of world.targets) await instruct(story, one, automationsOf(world, one));
      return;
    case 'rename automation':
      target.names += 1;
      return instruct(story, target, automationsOf(world, target));
    case 'remove automation':
    case 'restore automation':
      model.isWanted = action === 'restore automation';
      model.pushes = false;
      return instruct(story, target, automationsOf(world, target));
    case 'fault':
      return disturb(world, { status: 502 });
    case 'lose answer':
      return disturb(world, 'lose-answer');
    case 'refuse token':
      return disturb(world, { status: 401, body: { message: 'Bad credentials' } });
    case 'limit':
      return disturb(world, { status: 403, headers: { 'retry-after': '1' }, body: { message: LIMITED } });
    case 'limit GraphQL':
      // Only there it comes as a success.
      github.faults.add({
        path: '/graphql',
        fault: { status: 200, body: { data: null, errors: [{ type: 'RATE_LIMITED', message: LIMITED }] } },
      });
  }
}

/** Something goes wrong with our next request. */
function disturb(world: World, fault: Fault): void {
  world.disturbance = fault;
}

async function ensureOtherBase({ story }: World): Promise<void> {
  if ((await story.head(OTHER_BASE)) !== null) return;
  await story.asPerson.createBranch(OTHER_BASE, (await story.head('main')) ?? '');
}

function automationOf({ story }: World, { file, names }: Target): ImageUpdateAutomation {
  return { ...story.automation, name: names === 0 ? 'apps' : `apps-${names}`, updatePath: `./${file.split('/')[0]}` };
}

function automationsOf(world: World, target: Target): readonly ImageUpdateAutomation[] {
  const automation = automationOf(world, target);
  if (!target.model.isWanted) return [];
  return [target.model.pushes ? { ...automation, pushBranch: PUSH_BRANCH } : automation];
}

/** Branches say whose pull requests they are; they are never renamed here. */
function pullsOf({ stories, story }: World, { cluster }: Target) {
  return stories.github.github.pulls(story.fullName).filter(({ head }) => head.startsWith(`tidegate/${cluster}/`));
}

async function setTag({ story }: World, { model, file: path }: Target, patch: number): Promise<void> {
  const file = await story.readFile(model.base, path);
  if (file === null) return;
  model.personsCommits.push(
    await story.commitAsPerson(model.base, path, file.replace(/newTag: \S+/u, `newTag: 6.7.${patch}`)),
  );
}

/** What a person said no to: the version that the pull request held at that moment. */
async function refuse(world: World, target: Target, number: number): Promise<void> {
  const base = world.stories.github.github.pulls(world.story.fullName).find((one) => one.number === number)?.base ?? '';
  decide(world, target, number);
  const version = await holdsOf(world, target, number);
  const runs = await tagAt(world, target, base);
  // A pull request that holds what runs, or that we were withdrawing, proposes nothing.
  if (version === undefined || version === runs || (await isWithdrawal(world.story, number))) return;
  target.model.closed.set(number, { version, base });
}

/** Whose it is stays as it was: a person may reopen it. */
function decide(world: World, { model }: Target, number: number): void {
  model.decidedText.set(number, textOf(world, number));
}

async function isWithdrawal(story: ImageStory, number: number): Promise<boolean> {
  return (await story.messageOf(`refs/pull/${number}/head`)).startsWith('Withdraw ');
}

function holdsOf(world: World, target: Target, number: number): Promise<number | undefined> {
  return tagAt(world, target, `refs/pull/${number}/head`);
}

/** The patch number that a file sets at a branch or commit. */
async function tagAt({ story }: World, { file }: Target, ref: string): Promise<number | undefined> {
  const tag = /newTag: 6\.7\.(\d+)/u.exec((await story.readFile(ref, file)) ?? '')?.[1];
  return tag === undefined ? undefined : Number(tag);
}

function textOf({ stories, story }: World, number: number): string {
  const pull = stories.github.github.pulls(story.fullName).find((one) => one.number === number);
  return `${pull?.title}\n${pull?.body}`;
}

async function look(world: World, target: Target): Promise<SeenWorld> {
  const { model } = target;
  const pulls: SeenPull[] = [];
  for (const { number, state, title, base } of pullsOf(world, target)) {
    const [text, holds] = [textOf(world, number), await holdsOf(world, target, number)];
    pulls.push({ number, title, base, isOpen: state === 'open', text, holds });
  }
  return {
    runs: (await tagAt(world, target, model.base)) ?? Number.NaN,
    pushed: await tagAt(world, target, PUSH_BRANCH),
    pulls,
    lostCommits: await world.story.unreachable(model.personsCommits),
  };
}

function kustomization(image: string): string {
  return `# the tag\nimages:\n  - name: podinfo\n    newName: ${image}\n    newTag: 6.7.0 # {"$imagepolicy": "flux-system:podinfo:tag"}\n`;
}
