import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { sampleSize } from '#test/sample-size.ts';

import { BRANCH, FILE, MINUTE, startImageStories, type ImageStories } from './image-stories.ts';

let stories: ImageStories;
let github: ImageStories['github'];
let startStory: ImageStories['startStory'];

beforeAll(async () => {
  stories = await startImageStories();
  ({ github, startStory } = stories);
});

afterAll(async () => {
  await stories?.close();
});

describe('an image pushed to ECR', () => {
  it('becomes one pull request that changes exactly the tag, however often the event comes', async () => {
    const story = await startStory();
    const before = await story.read('main');
    await story.push('6.7.1');

    expect(await story.handle(story.pushed(), story.pushed())).toEqual([]);
    expect(await story.handle(story.pushed())).toEqual([]);

    expect(story.pulls()).toEqual(['#1 open Update podinfo to 6.7.1']);
    expect(await story.read(BRANCH)).toBe(before.replace('6.7.0', '6.7.1'));
    expect(await story.commitsAhead()).toBe(1);
    expect(await story.status()).toMatchObject({ details: { pullRequest: '1' }, conditions: [{ status: 'True' }] });
    const opened = (await story.events()).filter((message) => message.includes('opened #1'));
    expect(opened).toHaveLength(1);
  });

  it('changes the open pull request when a newer one comes, still with one commit', async () => {
    const story = await startStory();
    await story.push('6.7.1');
    await story.handle(story.pushed());
    await story.commitAsPerson('main', 'README.md', 'meanwhile\n');
    await story.push('6.7.2');

    await story.handle(story.pushed());

    expect(story.pulls()).toEqual(['#1 open Update podinfo to 6.7.2']);
    expect(await story.read(BRANCH)).toContain('newTag: 6.7.2 #');
    expect(await story.commitsAhead()).toBe(1);
  });

  it('is not proposed again after its pull request was closed; a newer one is', async () => {
    const story = await startStory();
    await story.push('6.7.1');
    await story.handle(story.pushed());
    await story.close(1);

    await story.handle(story.pushed(), story.tick());
    expect(story.pulls()).toEqual(['#1 closed Update podinfo to 6.7.1']);
    expect((await story.status())?.conditions[0]?.message).toContain('#1 was closed');

    await story.push('6.7.2');
    await story.handle(story.pushed());
    expect(story.pulls()).toEqual(['#1 closed Update podinfo to 6.7.1', '#2 open Update podinfo to 6.7.2']);
  });

  it.each(['merge', 'squash'] as const)('is not proposed again after its %s was reverted', async (method) => {
    const story = await startStory();
    const original = await story.read('main');
    await story.push('6.7.1');
    await story.handle(story.pushed());
    await github.github.mergePull(story.fullName, 1, 'alice', method);
    await story.handle(story.pushed());
    expect(await story.read('main')).toContain('newTag: 6.7.1 #');
    await story.commitAsPerson('main', FILE, original);

    await story.handle(story.pushed(), story.tick());

    expect(story.pulls()).toEqual(['#1 closed Update podinfo to 6.7.1']);
    expect((await story.status())?.conditions[0]?.message).toContain('what #1 brought was reverted');
    await story.push('6.7.2');
    await story.handle(story.pushed());
    expect(story.pulls()).toEqual(['#1 closed Update podinfo to 6.7.1', '#2 open Update podinfo to 6.7.2']);
  });

  it('leaves a branch alone that a person has committed to', async () => {
    const story = await startStory();
    await story.push('6.7.1');
    await story.handle(story.pushed());
    const theirs = await story.commitAsPerson(BRANCH, 'note.md', 'wait for me\n');
    await story.push('6.7.2');

    await story.handle(story.pushed());

    expect(await github.github.head(story.fullName, BRANCH)).toBe(theirs);
    expect(story.pulls()).toEqual(['#1 open Update podinfo to 6.7.1']);
    expect((await story.status())?.conditions[0]?.message).toContain('is left to them');
  });

  it('closes its pull request, without holding the version, when a person has made the change already', async () => {
    const story = await startStory();
    const original = await story.read('main');
    await story.push('6.7.1');
    await story.handle(story.pushed());
    await story.commitAsPerson('main', FILE, original.replace('6.7.0', '6.7.1'));

    await story.handle(story.pushed());
    expect(story.pulls()).toEqual(['#1 closed Update podinfo to 6.7.1']);

    await story.commitAsPerson('main', FILE, original);
    await story.handle(story.pushed());
    expect(story.pulls().at(-1)).toBe('#2 open Update podinfo to 6.7.1');
  });

  it('never goes back to an older version, and says what stands there instead', async () => {
    const story = await startStory();
    await story.push('6.6.0');
    await story.commitAsPerson('main', FILE, (await story.read('main')).replace('6.7.0', '6.9.0'));

    await story.handle(story.pushed(), story.tick());

    expect(story.pulls()).toEqual([]);
    expect((await story.status())?.conditions[0]?.message).toContain(
      `flux-system/podinfo leaves 6.9.0 at ${FILE}:7 as it is: the policy (semver 6.x) orders it above 6.7.0`,
    );
  });

  it.each([
    ['tree', 'POST', /\/git\/trees$/u],
    ['commit', 'POST', /\/git\/commits$/u],
    ['branch', 'POST', /graphql$/u],
    ['pull request', 'POST', /\/pulls$/u],
  ])(
    'ends in one pull request when the run dies at the %s, before or after it was made',
    async (_what, method, path) => {
      for (const fault of ['reset', 'lose-answer'] as const) {
        const story = await startStory();
        await story.push('6.7.1');
        // As many as Octokit tries: the run fails, and the queue delivers the message again.
        const rule = github.github.faults.add({ method, path, times: 4, fault });

        await story.handle(story.pushed());
        rule.remove();
        await story.handle(story.pushed());

        expect(story.pulls()).toEqual(['#1 open Update podinfo to 6.7.1']);
        expect(await story.commitsAhead()).toBe(1);
      }
    },
  );

  it('keeps its pull request when a run that read the registry before the push looks at GitHub after it', async () => {
    const story = await startStory();
    const stale = story.pauseNextLook();
    const tick = story.handle(story.tick());
    await stale.reached;
    await story.push('6.7.1');
    await story.handle(story.pushed());

    stale.resume();
    await tick;

    expect(story.pulls()).toEqual(['#1 open Update podinfo to 6.7.1']);
  });

  it('is not set back to an older one by a run that read the registry before the push', async () => {
    const story = await startStory();
    await story.push('6.7.1');
    await story.handle(story.pushed());
    const stale = story.pauseNextLook();
    const again = story.handle(story.pushed());
    await stale.reached;
    await story.push('6.7.2');
    await story.handle(story.pushed());

    stale.resume();
    await again;

    expect(story.pulls()).toEqual(['#1 open Update podinfo to 6.7.2']);
    expect(await story.read(BRANCH)).toContain('newTag: 6.7.2 #');
  });

  it('ends in one pull request with one commit of the newest, whatever runs at the same time', async () => {
    for (let round = 0; round < sampleSize(1, 20); round += 1) {
      const story = await startStory();
      const run = (...bodies: readonly string[]) => story.handle(...bodies);
      await story.push('6.7.1');
      const first = [run(story.pushed()), run(story.tick()), run(story.instructionsChanged())];
      await story.push('6.7.2');
      await Promise.all([...first, run(story.pushed()), run(story.tick()), run(story.pushed())]);

      story.wait(40 * MINUTE);
      await run(story.tick());

      expect(story.pulls()).toEqual(['#1 open Update podinfo to 6.7.2']);
      expect(await story.read(BRANCH)).toContain('newTag: 6.7.2 #');
      expect(await story.commitsAhead()).toBe(1);
    }
  });

  it('is found by the tick when its event was lost', async () => {
    const story = await startStory();
    await story.handle(story.tick());
    await story.push('6.7.1');

    await story.handle(story.tick());
    expect(story.pulls()).toEqual([]);

    // The scan of the image repository is due before the automation is, and brings it forward.
    story.wait(6 * MINUTE);
    await story.handle(story.tick());
    expect(story.pulls()).toEqual(['#1 open Update podinfo to 6.7.1']);
  });

  it('does nothing for events of other accounts, regions, repositories and results', async () => {
    const story = await startStory();
    await story.push('6.7.1');

    const failures = await story.handle(
      story.pushed({ account: '210987654321' }),
      story.pushed({ region: 'us-east-1' }),
      story.pushed({}, { 'repository-name': 'other/app' }),
      story.pushed({}, { 'action-type': 'DELETE' }),
      story.pushed({}, { result: 'FAILURE' }),
      story.pushed({ source: 'com.example' }),
      '{"detail-type":"ECR Image Action"}',
      'not json',
      '{"type":"Unknown"}',
    );

    expect(failures).toEqual([]);
    expect(story.pulls()).toEqual([]);
  });

  it('leaves the other automations running when one cannot', async () => {
    const story = await startStory({ brokenToo: true });
    await story.push('6.7.1');

    await story.handle(story.instructionsChanged());

    expect(story.pulls()).toEqual(['#1 open Update podinfo to 6.7.1']);
    expect(await story.status('broken')).toMatchObject({ conditions: [{ status: 'False', reason: 'SourceNotFound' }] });
  });
});
