import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { GitRepository } from '#shared/flux/kinds/git-repository.ts';

import {
  BRANCH,
  CLUSTER,
  FILE,
  MINUTE,
  startImageStories,
  type ImageStories,
  type ImageStory,
} from './image-stories.ts';
import { openRegistryInMemory } from './story-registry.ts';

let stories: ImageStories;
let startStory: ImageStories['startStory'];

beforeAll(async () => {
  stories = await startImageStories(openRegistryInMemory);
  ({ startStory } = stories);
});

afterAll(async () => {
  await stories?.close();
});

/** 6.7.0 runs and #1 proposes 6.7.1. */
async function open671(options: Parameters<ImageStories['startStory']>[0] = {}): Promise<ImageStory> {
  const story = await startStory(options);
  await story.push('6.7.1');
  await story.handle(story.pushed());
  expect(story.pulls()).toEqual(['#1 open Update podinfo to 6.7.1']);
  return story;
}

function sourceAt(
  { namespace, name }: { readonly namespace: string; readonly name: string },
  url: string,
): GitRepository {
  return { namespace, name, url, intervalMs: MINUTE, timeoutMs: MINUTE, ref: { branch: 'main' }, suspend: false };
}

/** Everything is looked at again, much later. */
async function lookAgain(story: ImageStory): Promise<void> {
  for (let round = 0; round < 2; round += 1) {
    story.wait(40 * MINUTE);
    await story.handle(story.fluxObjectsChanged(), story.tick());
  }
}

async function message(story: ImageStory, automation = 'apps'): Promise<string> {
  return (await story.status(automation))?.conditions[0]?.message ?? '';
}

async function pushes(story: ImageStory, branch: string, more: Readonly<Record<string, string>> = {}): Promise<void> {
  await story.instruct((now) => ({
    ...now,
    imageUpdateAutomations: now.imageUpdateAutomations.map((one) => ({ ...one, pushBranch: branch, ...more })),
  }));
}

describe('another base branch', () => {
  it.each<[what: string, change: (story: ImageStory) => unknown]>([
    [
      'configRepository.branch',
      (story) =>
        story.configure((now) => ({ ...now, configRepository: { ...now.configRepository, branch: 'release' } })),
    ],
    [
      'checkout.ref.branch',
      (story) =>
        story.instruct((now) => ({
          ...now,
          imageUpdateAutomations: now.imageUpdateAutomations.map((one) => ({ ...one, checkoutBranch: 'release' })),
        })),
    ],
  ])(
    'by %s withdraws the pull request into the old one, says why, and proposes into the new one',
    async (_what, change) => {
      const story = await open671();
      await story.commitAsPerson('release', 'unfinished.md', 'not for main\n');

      await change(story);
      await lookAgain(story);

      expect(story.pulls()).toEqual(['#1 closed Update podinfo to 6.7.1', '#2 open Update podinfo to 6.7.1']);
      expect([story.pull(1)?.base, story.pull(2)?.base]).toEqual(['main', 'release']);
      expect(await story.comments(1)).toEqual([expect.stringContaining('no longer proposes into `main`')]);
      expect(await story.readFile('refs/pull/1/head', 'unfinished.md')).toBeNull();
    },
  );

  it('by a person makes the pull request theirs, which the status says, and there is no second one', async () => {
    const story = await open671();
    await story.commitAsPerson('release', 'unfinished.md', 'not for main\n');
    await story.asPerson.edit(1, { base: 'release' });
    await story.push('6.7.2');

    await lookAgain(story);

    expect(story.pulls()).toEqual(['#1 open Update podinfo to 6.7.1']);
    expect(await story.tagAt(BRANCH)).toBe('6.7.1');
    expect(await story.status()).toMatchObject({ conditions: [{ status: 'False' }] });
    expect(await message(story)).toContain('#1 was given the base release by somebody');
  });
});

describe('ten thousand changes', () => {
  it('are one pull request, whose refusal is known from its tree', { timeout: 240_000 }, async () => {
    const marker = '{"$imagepolicy": "flux-system:podinfo:tag"}';
    const story = await startStory({
      files: (image) =>
        Object.fromEntries(
          Array.from({ length: 20 }, (_, file) => [
            `apps/many/${file}/kustomization.yaml`,
            `images:\n${Array.from({ length: 500 }, (__, index) => `  - name: app-${index}\n    newName: ${image}\n    newTag: 6.7.0 # ${marker}\n`).join('')}`,
          ]),
        ),
    });
    await story.push('6.7.1');
    await story.handle(story.pushed());
    expect(story.pulls()).toEqual(['#1 open Update podinfo to 6.7.1']);
    expect(story.pull(1)?.body?.length).toBeLessThan(65_536);
    expect(story.pull(1)?.body).toContain('and 9801 more: see the files changed');
    expect((await story.readFile(BRANCH, 'apps/many/19/kustomization.yaml'))?.match(/newTag: 6\.7\.1 /gu)).toHaveLength(
      500,
    );

    await story.asPerson.close(1);
    await lookAgain(story);
    expect(story.pulls()).toEqual(['#1 closed Update podinfo to 6.7.1']);

    await story.push('6.7.2');
    await story.handle(story.pushed());
    expect(story.pulls()).toEqual(['#1 closed Update podinfo to 6.7.1', '#2 open Update podinfo to 6.7.2']);
  });
});

describe('a base that was rewritten below an open pull request', () => {
  it.each<[what: string, rewrite: (story: ImageStory) => Promise<unknown>]>([
    ['set back', async (story) => story.asPerson.pointBranch('main', await story.firstCommit())],
    [
      'rebased',
      async (story) => {
        const first = await story.firstCommit();
        await story.asPerson.pointBranch('main', await story.commitLike(first, [first], { 'other.md': 'other\n' }));
      },
    ],
    [
      'begun anew, with no commit in common',
      async (story) => story.asPerson.pointBranch('main', await story.commitLike(await story.firstCommit(), [])),
    ],
  ])('%s: it is built again on the new base, without what was dropped', async (_what, rewrite) => {
    const story = await startStory();
    await story.commitAsPerson('main', 'dropped.md', 'to be dropped\n');
    await story.push('6.7.1');
    await story.handle(story.pushed());

    await rewrite(story);
    await story.push('6.7.2');
    await lookAgain(story);

    expect(story.pulls()).toEqual(['#1 open Update podinfo to 6.7.2']);
    expect(await story.commitsAhead()).toBe(1);
    expect(await story.readFile(BRANCH, 'dropped.md')).toBeNull();
    expect(await story.status()).toMatchObject({ conditions: [{ status: 'True' }] });
  });
});

describe('a pull request that nobody wants any more', () => {
  it.each<[what: string, why: string, change: (story: ImageStory) => unknown]>([
    [
      'its automation is deleted',
      'is no longer in the configuration',
      (story) => story.instruct((now) => ({ ...now, imageUpdateAutomations: [] })),
    ],
    ['its automation pushes', 'now pushes to a branch of its own choice', (story) => pushes(story, 'updates')],
    [
      'its cluster is taken out',
      'is no longer in the settings',
      async (story) => {
        await story.instructOf('other', (now) => ({ ...now, imageUpdateAutomations: [] }));
        story.configure((now) => ({ ...now, clusters: [{ name: 'other' }] }));
      },
    ],
  ])('is withdrawn with a comment when %s, and refuses nothing', async (what, why, change) => {
    const story = await open671();

    await change(story);
    await story.handle(JSON.stringify({ type: 'InstructionsChanged', cluster: 'other' }), story.fluxObjectsChanged());

    expect(story.pulls()).toEqual(['#1 closed Update podinfo to 6.7.1']);
    expect(await story.comments(1)).toEqual([expect.stringContaining(why)]);
    expect(story.pull(1)?.body).not.toContain('Merge to deploy');
    expect(await story.head(BRANCH)).toBeNull();
    expect(await story.tagAt('updates')).toBe(what === 'its automation pushes' ? '6.7.1' : undefined);

    story.configure((now) => ({ ...now, clusters: [{ name: CLUSTER }] }));
    await story.instruct((now) => ({ ...now, imageUpdateAutomations: [story.automation] }));
    await story.handle(story.fluxObjectsChanged());
    expect(story.pulls()).toEqual(['#1 closed Update podinfo to 6.7.1', '#2 open Update podinfo to 6.7.1']);
  });

  it('is withdrawn when its automation proposes in another repository, where a new one is opened', async () => {
    const story = await open671();
    const [file, elsewhere] = [
      await story.read('main'),
      { kind: 'GitRepository', namespace: 'flux-system', name: 'elsewhere' },
    ] as const;
    const other = await stories.github.createRepository({ [FILE]: file });

    await story.instruct((now) => ({
      ...now,
      gitRepositories: [sourceAt(elsewhere, `${stories.github.github.url}/${other.owner}/${other.name}`)],
      imageUpdateAutomations: [{ ...story.automation, sourceRef: elsewhere }],
    }));
    await lookAgain(story);

    expect(story.pulls()).toEqual(['#1 closed Update podinfo to 6.7.1']);
    expect(await story.comments(1)).toEqual([expect.stringContaining('now proposes in another repository')]);
    const there = stories.github.github.pulls(`${other.owner}/${other.name}`);
    expect(there.map(({ state, title }) => `${state} ${title}`)).toEqual(['open Update podinfo to 6.7.1']);
  });

  it('is the same one under every name that its repository had', async () => {
    const story = await open671();
    const renamed = `${story.fullName}-renamed`;
    await stories.github.github.renameRepository(story.fullName, renamed);
    story.configure((now) => ({
      ...now,
      configRepository: { ...now.configRepository, url: `${stories.github.github.url}/${renamed}` },
    }));

    await lookAgain(story);
    await story.push('6.7.2');
    await story.handle(story.pushed());

    const pulls = stories.github.github.pulls(renamed);
    expect(pulls.map(({ number, state, title }) => `#${number} ${state} ${title}`)).toEqual([
      '#1 open Update podinfo to 6.7.2',
    ]);
  });

  it('is moved along, not doubled, when its automation is renamed', async () => {
    const story = await open671();
    await story.instruct((now) => ({
      ...now,
      imageUpdateAutomations: now.imageUpdateAutomations.map((one) => ({ ...one, name: 'renamed' })),
    }));

    await lookAgain(story);
    await story.push('6.7.2');
    await story.handle(story.pushed());

    expect(story.pulls()).toEqual(['#1 open Update podinfo to 6.7.2']);
    expect(await story.status('renamed')).toMatchObject({ details: { pullRequest: '1' } });
  });
});

describe('"Update branch"', () => {
  it('leaves the pull request ours where GitHub merged the base without a conflict', async () => {
    const story = await open671();
    await story.commitAsPerson('main', 'README.md', 'meanwhile\n');
    await stories.github.github.updateBranch(story.fullName, 1, 'alice');
    await lookAgain(story);
    expect(await story.status()).toMatchObject({ conditions: [{ status: 'True' }] });

    await story.push('6.7.2');
    await story.handle(story.pushed());

    expect(story.pulls()).toEqual(['#1 open Update podinfo to 6.7.2']);
  });

  it('makes it theirs where a person resolved a conflict on the pages of GitHub', async () => {
    const story = await open671();
    const original = await story.read('main');
    const base = await story.commitAsPerson('main', FILE, original.replace('6.7.0', '6.6.9'));
    const ours = (await story.head(BRANCH)) ?? '';
    const resolved = await story.commitLike(ours, [ours, base], { [FILE]: original.replace('6.7.0', '6.7.1-ours') });
    await story.asPerson.pointBranch(BRANCH, resolved);
    await story.push('6.7.2');

    await lookAgain(story);

    expect(await story.head(BRANCH)).toBe(resolved);
    expect(await story.status()).toMatchObject({ conditions: [{ status: 'False' }] });
    expect(await message(story)).toContain('is left to them');
  });
});

describe('rules of the repository', () => {
  it('that forbid to force-push have commits added, and the pull request still changes nothing but the version', async () => {
    const story = await open671();
    const { github } = stories.github;
    const first = (await story.head(BRANCH)) ?? '';
    github.setRepository(story.fullName, { rules: [{ type: 'non_fast_forward', branches: 'tidegate/**' }] });
    await story.commitAsPerson('main', 'README.md', 'meanwhile\n');
    await story.push('6.7.2');

    await lookAgain(story);

    expect(story.pulls()).toEqual(['#1 open Update podinfo to 6.7.2']);
    expect((await github.log(story.fullName, [BRANCH])).map(({ sha }) => sha)).toContain(first);
    expect(await story.read(BRANCH)).toBe((await story.read('main')).replace('6.7.0', '6.7.2'));
    expect(await story.readFile(BRANCH, 'README.md')).toBe('meanwhile\n');
    const head = await story.head(BRANCH);
    await lookAgain(story);
    expect(await story.head(BRANCH)).toBe(head);
  });

  it('that forbid to delete branches keep nothing from being withdrawn, nor from being proposed later', async () => {
    const story = await open671();
    const rules = [{ type: 'deletion', branches: 'tidegate/**' }] as const;
    stories.github.github.setRepository(story.fullName, { rules });
    await story.instruct((now) => ({ ...now, imageUpdateAutomations: [] }));
    await lookAgain(story);

    expect(story.pulls()).toEqual(['#1 closed Update podinfo to 6.7.1']);
    expect(story.pull(1)?.body).toMatch(/Withdrawn by Tidegate: .* is no longer in the configuration/u);
    expect(story.pull(1)?.body).not.toContain('Merge to deploy');
    expect(await story.head(BRANCH)).not.toBeNull();

    await story.instruct((now) => ({ ...now, imageUpdateAutomations: [story.automation] }));
    await lookAgain(story);
    expect(story.pulls()).toEqual(['#1 closed Update podinfo to 6.7.1', '#2 open Update podinfo to 6.7.1']);
  });

  it('that want branches to be up to date have it built again on the newest base', async () => {
    const story = await open671();
    const rules = [{ type: 'required_status_checks', branches: 'main', contexts: [], strict: true }] as const;
    stories.github.github.setRepository(story.fullName, { rules });
    await story.commitAsPerson('main', 'README.md', 'meanwhile\n');

    await lookAgain(story);

    expect(await story.readFile(BRANCH, 'README.md')).toBe('meanwhile\n');
    expect(await story.commitsAhead()).toBe(1);
    expect(story.pulls()).toEqual(['#1 open Update podinfo to 6.7.1']);
  });
});

describe('what was refused', () => {
  it.each<[what: string, rename: (story: ImageStory) => Promise<unknown>]>([
    [
      'automation',
      (story) =>
        story.instruct((now) => ({
          ...now,
          imageUpdateAutomations: now.imageUpdateAutomations.map((one) => ({ ...one, name: 'renamed' })),
        })),
    ],
    [
      'policy',
      async (story) => {
        await story.commitAsPerson('main', FILE, (await story.read('main')).replace(':podinfo:tag', ':renamed:tag'));
        await story.instruct((now) => ({
          ...now,
          imagePolicies: now.imagePolicies.map((one) => ({ ...one, name: 'renamed' })),
        }));
      },
    ],
    [
      'base branch',
      async (story) => {
        await story.asPerson.createBranch('renamed', (await story.head('live')) ?? '');
        await story.asPerson.deleteBranch('live');
        await story.instruct((now) => ({
          ...now,
          imageUpdateAutomations: now.imageUpdateAutomations.map((one) => ({ ...one, checkoutBranch: 'renamed' })),
        }));
      },
    ],
  ])('stays refused when the %s gets another name', async (what, rename) => {
    const story = await startStory();
    await story.asPerson.createBranch('live', (await story.head('main')) ?? '');
    await story.instruct((now) => ({
      ...now,
      imageUpdateAutomations: now.imageUpdateAutomations.map((one) => ({ ...one, checkoutBranch: 'live' })),
    }));
    await story.push('6.7.1');
    await story.handle(story.pushed());
    await story.asPerson.close(1);
    if (what === 'policy') {
      await story.commitAsPerson('live', FILE, (await story.read('live')).replace(':podinfo:tag', ':renamed:tag'));
    }

    await rename(story);
    await lookAgain(story);
    expect(story.pulls()).toEqual(['#1 closed Update podinfo to 6.7.1']);

    await story.push('6.7.2');
    await lookAgain(story);
    expect(story.pulls().at(-1)).toMatch(/^#2 open Update (podinfo|renamed) to 6\.7\.2$/u);
  });

  it('is not replaced by the next older version', async () => {
    const story = await open671();
    await story.push('6.7.2');
    await story.handle(story.pushed());
    await story.asPerson.close(1);

    await lookAgain(story);

    expect(story.pulls()).toEqual(['#1 closed Update podinfo to 6.7.2']);
  });

  it('stays refused when the text was replaced before it was closed; words of people stay in an open one', async () => {
    const story = await open671();
    await story.asPerson.edit(1, { body: 'All mine.' });
    await lookAgain(story);
    expect(story.pull(1)?.body).toMatch(/^All mine\.\n\n<!-- tidegate:begin /u);

    await story.asPerson.edit(1, { body: 'All mine again.' });
    await story.asPerson.close(1);
    await lookAgain(story);

    expect(story.pulls()).toEqual(['#1 closed Update podinfo to 6.7.1']);
    expect(story.pull(1)?.body).toBe('All mine again.');
  });

  it('is nothing in a copy of a file that was merged into and is gone', async () => {
    const story = await open671();
    const original = await story.read('main');
    await story.merge(1);
    await stories.github.github.commitFiles(
      story.fullName,
      'main',
      { [FILE]: null, 'apps/copy/kustomization.yaml': original },
      'Move it',
      'alice',
    );

    await lookAgain(story);

    expect(story.pulls()).toEqual(['#1 closed Update podinfo to 6.7.1', '#2 open Update podinfo to 6.7.1']);
  });
});

describe('what is left of a branch', () => {
  it('stays with the person who pushed onto it, and the next version comes from another one', async () => {
    const story = await open671();
    await story.asPerson.close(1);
    const theirs = await story.commitAsPerson(BRANCH, 'note.md', 'mine\n');
    await story.push('6.7.2');

    await lookAgain(story);

    expect(story.pulls()).toEqual(['#1 closed Update podinfo to 6.7.1', '#2 open Update podinfo to 6.7.2']);
    expect(story.pull(2)?.head).toBe(`${BRANCH}-2`);
    expect(await story.head(BRANCH)).toBe(theirs);
  });
});

describe('a branch to push to', () => {
  it('gets the commits of both automations, one after the other, and none that changes nothing', async () => {
    const story = await startStory({ files: (image) => ({ 'other/kustomization.yaml': kustomization(image) }) });
    await story.instruct((now) => ({
      ...now,
      imageUpdateAutomations: [
        { ...story.automation, pushBranch: 'updates' },
        { ...story.automation, name: 'other', updatePath: './other', pushBranch: 'updates' },
      ],
    }));
    await story.push('6.7.1');
    await lookAgain(story);

    expect(await story.tagAt('updates')).toBe('6.7.1');
    expect(await story.readFile('updates', 'other/kustomization.yaml')).toContain('newTag: 6.7.1 ');
    const head = await story.head('updates');
    await lookAgain(story);
    expect(await story.head('updates')).toBe(head);

    await story.push('6.7.2');
    await lookAgain(story);
    expect(await story.tagAt('updates')).toBe('6.7.2');
    expect(await story.readFile('updates', 'other/kustomization.yaml')).toContain('newTag: 6.7.2 ');
    expect(story.pulls()).toEqual([]);
  });

  it("keeps a person's commits and gets the newest ones of its base", async () => {
    const story = await startStory();
    await pushes(story, 'updates');
    await story.push('6.7.1');
    await lookAgain(story);
    const theirs = await story.commitAsPerson('updates', 'note.md', 'mine\n');
    await story.commitAsPerson('main', 'README.md', 'meanwhile\n');
    await story.push('6.7.2');

    await lookAgain(story);

    expect(await story.tagAt('updates')).toBe('6.7.2');
    expect(await story.readFile('updates', 'README.md')).toBe('meanwhile\n');
    expect(await story.unreachable([theirs])).toEqual([]);
    expect(await story.readFile('updates', 'note.md')).toBe('mine\n');
    expect(await story.status()).toMatchObject({ conditions: [{ status: 'True' }] });
  });

  it("goes on after a person's commit on it was squashed into the base", async () => {
    const story = await startStory();
    await pushes(story, 'updates');
    await story.push('6.7.1');
    await lookAgain(story);
    await story.commitAsPerson('updates', 'note.md', 'mine\n');
    await story.commitAsPerson('main', 'note.md', 'mine\n');
    await story.commitAsPerson('main', FILE, await story.read('updates'));
    await story.push('6.7.2');

    await lookAgain(story);

    expect(await story.tagAt('updates')).toBe('6.7.2');
    expect(await story.status()).toMatchObject({ conditions: [{ status: 'True' }] });
  });

  it('asks for a person where its commits and the base contradict each other', async () => {
    const story = await startStory();
    await pushes(story, 'updates');
    await story.push('6.7.1');
    await lookAgain(story);
    const theirs = await story.commitAsPerson('updates', 'README.md', 'one\n');
    await story.commitAsPerson('main', 'README.md', 'another\n');
    await story.push('6.7.2');

    await lookAgain(story);

    expect(await story.head('updates')).toBe(theirs);
    expect(await story.status()).toMatchObject({ conditions: [{ status: 'False' }] });
    expect(await message(story)).toContain('conflict with its base');
  });
});

function kustomization(image: string): string {
  return `images:\n  - name: podinfo\n    newName: ${image}\n    newTag: 6.7.0 # {"$imagepolicy": "flux-system:podinfo:tag"}\n`;
}
