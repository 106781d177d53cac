import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { observeHealth } from '#serve/observe-health.ts';
import { sampleSize } from '#test/sample-size.ts';

import {
  BRANCH,
  CLUSTER,
  FILE,
  MINUTE,
  startImageStories,
  type ImageStories,
  type ImageStory,
} from './image-stories.ts';

const SECONDARY = 'You have exceeded a secondary rate limit. Please wait a few minutes before you try again.';

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
      const first = [run(story.pushed()), run(story.tick()), run(story.fluxObjectsChanged())];
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

  it('leaves a push that it has no time to propose to the next tick, which is no try of a message', async () => {
    const story = await startStory();
    await story.handle(story.fluxObjectsChanged());
    await story.push('6.7.1');

    // Enough to read the registry.
    story.hurry(17_000);
    expect(await story.handle(story.pushed())).toEqual([]);
    expect(story.pulls()).toEqual([]);
    story.hurry(180_000);
    expect(await story.handle(story.tick())).toEqual([]);

    expect(story.pulls()).toEqual(['#1 open Update podinfo to 6.7.1']);
  });

  it('leaves the other automations running when one cannot', async () => {
    const story = await startStory({ brokenToo: true });
    await story.push('6.7.1');

    await story.handle(story.fluxObjectsChanged());

    expect(story.pulls()).toEqual(['#1 open Update podinfo to 6.7.1']);
    expect(await story.status('broken')).toMatchObject({ conditions: [{ status: 'False', reason: 'SourceNotFound' }] });
  });
});

describe('a limit of GitHub', () => {
  const endsIn = (minutes: number) => ({
    status: 403,
    headers: {
      'x-ratelimit-limit': '5000',
      'x-ratelimit-remaining': '0',
      'x-ratelimit-reset': String(Math.ceil((Date.now() + minutes * MINUTE) / 1000)),
    },
    body: { message: 'API rate limit exceeded for installation ID 1001.' },
  });

  it('is met once, by whichever process: for 50 minutes nothing is asked by 20 automations, and what was pushed is proposed then', async () => {
    const story = await startStory({ keepsLimits: true });
    const names = Array.from({ length: 19 }, (_, index) => `quiet-${index}`);
    await story.instruct((fluxObjects) => ({
      ...fluxObjects,
      imageUpdateAutomations: [
        ...fluxObjects.imageUpdateAutomations,
        ...names.map((name) => ({ ...story.automation, name, updatePath: './nowhere' })),
      ],
    }));
    await story.handle(story.tick());
    const limit = github.github.faults.add({ times: Infinity, fault: endsIn(50) });
    await story.push('6.7.1');

    const handedBack = [...(await story.handle(story.pushed()))];
    for (let minute = 1; minute <= 49; minute += 1) {
      story.wait(MINUTE);
      handedBack.push(...(await story.handle(story.tick())), ...(await story.handleElsewhere(story.tick())));
    }
    handedBack.push(...(await story.handle(story.pushed(), story.fluxObjectsChanged())));

    expect(limit.hits()).toBeLessThanOrEqual(1);
    expect(handedBack).toEqual([]);
    const waiting = await Promise.all(
      ['apps', ...names].map(async (name) => (await story.status(name))?.conditions[0]),
    );
    expect(new Set(waiting.map((condition) => condition?.reason))).toEqual(new Set(['RateLimited']));
    const health = await observeHealth({
      queues: { depths: () => [] },
      journal: story.journal,
      clusters: [CLUSTER],
      startedAt: story.now(),
      lastTickAt: story.now(),
      tickMs: MINUTE,
      now: story.now(),
      redact: (text) => text,
    });
    expect(health.problems).toEqual([
      {
        what: "GitHub's limit of account acme",
        problem: expect.stringMatching(
          /^its budget of 5000 an hour is used up; GitHub is asked again at \S+Z, and 20 objects wait for it$/u,
        ),
        since: expect.stringMatching(/Z$/u),
        todo: expect.stringContaining('nothing, it resumes by itself'),
      },
    ]);

    limit.remove();
    story.wait(2 * MINUTE);
    await story.handleElsewhere(story.tick());
    expect(story.pulls()).toEqual(['#1 open Update podinfo to 6.7.1']);
    expect((await story.status('quiet-0'))?.conditions[0]).toMatchObject({ type: 'Ready', status: 'True' });
  });

  /** Whatever has a number on this GitHub: the App and its installation are among them. */
  const ids = () => Array.from({ length: 50 }, (_, index) => 1000 + index);

  it('is seen in the last answer that it lets through, so that nothing is refused at all', async () => {
    const story = await startStory({ keepsLimits: true });
    await story.push('6.7.1');
    let refused = 0;
    github.github.counters.reset();
    const callers = ['app', 'installation', 'graphql installation'].flatMap((kind) =>
      ids().map((id) => `${kind} ${id}`),
    );
    const used = Math.max(...callers.map((caller) => github.github.rateLimits.budget(caller).used));
    github.github.rateLimits.configure({ perHour: used + 3 });
    try {
      await story.handle(story.pushed());
      for (let minute = 1; minute <= 5; minute += 1) {
        story.wait(MINUTE);
        await story.handle(story.tick());
      }
      const statuses = github.github.counters.statuses();
      refused = Object.entries(statuses).reduce((sum, [key, count]) => sum + (key.endsWith(' 403') ? count : 0), 0);
    } finally {
      github.github.rateLimits.configure({ perHour: 1_000_000 });
    }

    expect(refused).toBe(0);
    expect((await story.status())?.conditions[0]?.reason).toBe('RateLimited');
  });

  it.each([
    ['as 403 that names 97 s', { status: 403, headers: { 'retry-after': '97' }, body: { message: SECONDARY } }, 97_000],
    ['as 403 that names no end', { status: 403, body: { message: SECONDARY } }, MINUTE],
    ['as 200 with errors', { status: 200, body: { data: null, errors: [{ message: SECONDARY }] } }, MINUTE],
    [
      'as 200 of its own kind',
      { status: 200, body: { data: null, errors: [{ type: 'RATE_LIMITED', message: 'API rate limit exceeded' }] } },
      MINUTE,
    ],
  ])('of GraphQL that comes %s holds in full, and is no failure', async (_what, fault, heldMs) => {
    const story = await startStory({ keepsLimits: true });
    await story.push('6.7.1');
    const limit = github.github.faults.add({ path: '/graphql', times: 1, fault });

    expect(await story.handle(story.pushed())).toEqual([]);
    const status = await story.status();
    expect(status?.conditions).toMatchObject([{ type: 'Ready', status: 'False', reason: 'RateLimited' }]);
    story.wait(heldMs - 10_000);
    github.github.counters.reset();
    await story.handle(story.tick());
    expect(github.github.counters.all()).toEqual({});

    story.wait(11_000);
    await story.handle(story.tick());
    expect([limit.hits(), story.pulls()]).toEqual([1, ['#1 open Update podinfo to 6.7.1']]);
  });
});

describe('what GitHub does not know yet', () => {
  it.each([
    ['a token that was made a moment ago, as 401', { status: 401, body: { message: 'Bad credentials' } }],
    [
      'a token that was made a moment ago, as 403',
      { status: 403, body: { message: 'Resource not accessible by integration' } },
    ],
    [
      'it in GraphQL',
      {
        status: 200,
        body: { data: null, errors: [{ type: 'FORBIDDEN', message: 'Resource not accessible by integration' }] },
      },
    ],
  ])('is asked again at once: %s', async (_what, fault) => {
    const story = await startStory({ keepsLimits: true });
    await story.push('6.7.1');
    const young = github.github.faults.add({ path: '/graphql', times: 4, fault });

    await story.handle(story.pushed());

    expect([young.hits(), story.pulls()]).toEqual([4, ['#1 open Update podinfo to 6.7.1']]);
  });

  it.each([
    ['the tree', 'POST', /\/git\/commits$/u, 1, { status: 422, body: { message: 'Tree SHA does not exist' } }],
    [
      'the commit',
      'POST',
      /\/graphql$/u,
      2,
      {
        status: 200,
        body: { data: { updateRefs: null }, errors: [{ type: 'UNPROCESSABLE', message: 'Object does not exist' }] },
      },
    ],
    [
      'the branch',
      'POST',
      /\/pulls$/u,
      1,
      {
        status: 422,
        body: { message: 'Validation Failed', errors: [{ resource: 'PullRequest', field: 'head', code: 'invalid' }] },
      },
    ],
    ['the pull request', 'GET', /\/pulls\/\d+$/u, 1, { status: 404, body: { message: 'Not Found' } }],
  ])('of our own writes is asked again at once: %s', async (_what, method, path, nth, fault) => {
    const story = await startStory({ keepsLimits: true });
    await story.push('6.7.1');
    const late = github.github.faults.add({ method, path, nth, times: 3, fault });

    await story.handle(story.pushed());
    await story.push('6.7.2');
    await story.handle(story.pushed());

    expect(late.hits()).toBe(3);
    expect(story.pulls()).toEqual(['#1 open Update podinfo to 6.7.2']);
    expect((await story.status())?.conditions).toMatchObject([{ type: 'Ready', status: 'True' }]);
  });

  it('stays stalled after six tries, and names the permission that is missing', async () => {
    const story = await startStory({ keepsLimits: true });
    await story.push('6.7.1');
    const missing = github.github.faults.add({
      method: 'POST',
      path: /\/pulls$/u,
      times: Infinity,
      fault: {
        status: 403,
        headers: { 'x-accepted-github-permissions': 'pull_requests=write' },
        body: { message: 'Resource not accessible by integration' },
      },
    });

    expect(await story.handle(story.pushed())).toEqual([]);
    missing.remove();

    expect(missing.hits()).toBe(6);
    expect((await story.status())?.conditions).toMatchObject([
      {
        type: 'Ready',
        reason: 'AuthenticationFailed',
        message: expect.stringContaining('the GitHub App lacks pull_requests: write; give it'),
      },
      { type: 'Stalled', status: 'True' },
    ]);
  });

  it('is taken for missing where it is not ours: what is not there is asked for once', async () => {
    const story = await startStory({ keepsLimits: true });
    github.github.counters.reset();

    await expect(story.host.readCommit(story.repository, 'f'.repeat(40))).rejects.toMatchObject({
      disposition: 'stall',
    });

    expect(github.github.counters.count(/\/commits\//u)).toBe(1);
  });
});

async function wholeMessage({ host, repository, head }: ImageStory, branch: string): Promise<string> {
  return (await host.readCommit(repository, (await head(branch)) ?? '')).message;
}

describe('two installations on one repository, as one App', () => {
  it('leave the pull requests of each other alone, with the same names of clusters and automations', async () => {
    const story = await startStory({ installation: 'one' });
    const other = await story.openOther('two');
    await story.push('6.7.1');
    await story.handle(story.pushed());
    await other.handle();
    await story.push('6.7.2');
    await other.handle();
    await story.handle(story.pushed());
    expect(story.pulls()).toEqual(['#1 open Update podinfo to 6.7.2', '#2 open Update podinfo to 6.7.2']);
    expect(await wholeMessage(story, BRANCH)).toMatch(/^Tidegate-Installation: one$/mu);
    expect(await wholeMessage(story, `${BRANCH}-2`)).toMatch(/^Tidegate-Installation: two$/mu);

    await other.instruct((fluxObjects) => ({ ...fluxObjects, imageUpdateAutomations: [] }));
    await other.handle();
    expect(story.pulls()).toEqual(['#1 open Update podinfo to 6.7.2', '#2 closed Update podinfo to 6.7.2']);
  });

  it('do not take the cluster of the other one for one that is gone, also under one name', async () => {
    const story = await startStory();
    const other = await story.openOther('default', (fluxObjects) => ({ ...fluxObjects, cluster: 'elsewhere' }));
    await story.push('6.7.1');
    await story.handle(story.pushed());

    await other.handle();

    expect(story.pulls()).toContain('#1 open Update podinfo to 6.7.1');
  });

  it('go on with a commit that names no installation, as those did that were made before', async () => {
    const story = await startStory({ installation: 'one' });
    await story.push('6.7.1');
    await story.handle(story.pushed());
    const now = await wholeMessage(story, BRANCH);
    const ours = await story.host.createCommit(story.repository, {
      parents: [(await story.head('main')) ?? ''],
      message: now.replace(/^Tidegate-Installation: .*\n/mu, ''),
      files: [{ path: FILE, content: Buffer.from(await story.read(BRANCH)) }],
    });
    await story.asPerson.pointBranch(BRANCH, ours);
    await story.push('6.7.2');

    await story.handle(story.pushed());

    expect(story.pulls()).toEqual(['#1 open Update podinfo to 6.7.2']);
  });
});

describe('a repository that no automation names any more', () => {
  it('is looked at once more, by whichever process, and what is open there is withdrawn', async () => {
    const story = await startStory();
    const app = await github.createRepository({ [FILE]: await story.read('main') });
    const fullName = `${app.owner}/${app.name}`;
    const source = { kind: 'GitRepository' as const, namespace: 'flux-system', name: 'app' };
    await story.instruct((fluxObjects) => ({
      ...fluxObjects,
      gitRepositories: [
        {
          namespace: 'flux-system',
          name: 'app',
          url: `${github.github.url}/${fullName}`,
          intervalMs: MINUTE,
          timeoutMs: MINUTE,
          ref: { branch: 'main' },
          suspend: false,
        },
      ],
      imageUpdateAutomations: [{ ...story.automation, sourceRef: source }],
    }));
    await story.push('6.7.1');
    await story.handle(story.pushed());
    const states = () => github.github.pulls(fullName).map(({ state }) => state);
    expect(states()).toEqual(['open']);

    await story.instruct((fluxObjects) => ({ ...fluxObjects, gitRepositories: [], imageUpdateAutomations: [] }));
    await story.handleElsewhere(story.fluxObjectsChanged());

    expect(states()).toEqual(['closed']);
    github.github.counters.reset();
    story.wait(30 * MINUTE);
    await story.handleElsewhere(story.fluxObjectsChanged());
    // One list, of the configuration repository.
    expect(github.github.counters.count('POST /graphql')).toBe(1);
  });
});

describe('a rule of the repository', () => {
  const refuses = (words: string) => ({
    status: 200,
    body: {
      data: { updateRefs: null },
      errors: [{ type: 'UNPROCESSABLE', message: `Repository rule violations found\n\n${words}\n\n` }],
    },
  });

  it('that forbids to delete branches does not keep a pull request open: it is withdrawn, and says why', async () => {
    const withdraw = async (nth: number) => {
      const story = await startStory();
      await story.push('6.7.1');
      await story.handle(story.pushed());
      await story.commitAsPerson('main', FILE, (await story.read('main')).replace('6.7.0', '6.7.1'));
      github.github.counters.reset();
      const rule = github.github.faults.add({
        path: '/graphql',
        nth,
        times: 1,
        fault: refuses('Cannot delete this branch'),
      });
      await story.handle(story.pushed());
      rule.remove();
      return { story, hits: rule.hits(), count: github.github.counters.count('POST /graphql') };
    };
    // The branch goes with the last request of GraphQL.
    const { count } = await withdraw(100);

    const { story, hits } = await withdraw(count);

    expect(hits).toBe(1);
    expect(story.pulls()).toEqual(['#1 closed Update podinfo to 6.7.1']);
    const body = github.github.pulls(story.fullName)[0]?.body ?? '';
    expect(body).toContain('Withdrawn by Tidegate: `main` holds these images already, or newer ones.');
    expect(body).not.toContain('Merge to deploy');
    expect(await story.head(BRANCH)).not.toBeNull();
    expect((await story.status())?.conditions).toMatchObject([{ type: 'Ready', status: 'True' }]);
    // What is left of the branch is in nobody's way.
    await story.push('6.7.2');
    await story.handle(story.pushed());
    expect(story.pulls()).toEqual(['#1 closed Update podinfo to 6.7.1', '#2 open Update podinfo to 6.7.2']);
  });

  it('that forbids to force-push has commits added, and the pull request goes on', async () => {
    const story = await startStory();
    await story.push('6.7.1');
    await story.handle(story.pushed());
    const before = (await story.head(BRANCH)) ?? '';
    await story.push('6.7.2');
    const rule = github.github.faults.add({
      path: '/graphql',
      nth: 2,
      times: 1,
      fault: refuses('Cannot force-push to this branch'),
    });

    await story.handle(story.pushed());

    expect([rule.hits(), story.pulls()]).toEqual([1, ['#1 open Update podinfo to 6.7.2']]);
    expect(await story.read(BRANCH)).toContain('newTag: 6.7.2 #');
    const head = (await story.head(BRANCH)) ?? '';
    expect((await story.host.readCommit(story.repository, head)).parents[0]).toBe(before);
    // Nothing is left to be done, and nothing is added without need.
    await story.handle(story.pushed());
    expect(await story.head(BRANCH)).toBe(head);
  });

  it.each([
    [
      'of its name',
      'Branch name must match a given regex pattern: ^feature/',
      /wants other names for branches; let Tidegate bypass the rule, or have the branches of pull requests begin otherwise, with github\.branchPrefix/u,
    ],
    ['at all', 'Cannot create ref due to creations being restricted.', /forbids to make it; let Tidegate bypass/u],
  ])('that forbids to make a branch %s is told with the way out', async (_what, words, told) => {
    const story = await startStory();
    await story.push('6.7.1');
    const rule = github.github.faults.add({ path: '/graphql', nth: 2, times: Infinity, fault: refuses(words) });

    expect(await story.handle(story.pushed())).toEqual([]);
    rule.remove();

    expect((await story.status())?.conditions).toMatchObject([
      { type: 'Ready', status: 'False', message: expect.stringMatching(told) },
      { type: 'Stalled', status: 'True' },
    ]);
  });
});
