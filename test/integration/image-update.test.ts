import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ECRClient } from '@aws-sdk/client-ecr';
import type { SQSEvent } from 'aws-lambda';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createImageUpdateHandler, type ImageUpdateDependencies } from '#functions/image-update/handler.ts';
import { openElasticContainerRegistry, type ElasticContainerRegistry } from '#local/aws/elastic-container-registry.ts';
import { startMoto, type RunningMoto } from '#local/aws/start-moto.ts';
import { systemClock } from '#shared/adapters/clock/system-clock.ts';
import { createEcrImageRegistry, type EcrImageRegistry } from '#shared/adapters/ecr/ecr-image-registry.ts';
import { createIsomorphicGitRemote } from '#shared/adapters/git/isomorphic-git-remote.ts';
import { createGitHubChangeHost } from '#shared/adapters/github/github-change-host.ts';
import { createGitHubSourceCredentials } from '#shared/adapters/github/github-source-credentials.ts';
import { openSqliteDatabase } from '#shared/adapters/sqlite/sqlite-database.ts';
import { createSqliteJournal } from '#shared/adapters/sqlite/sqlite-journal.ts';
import type { Instructions } from '#shared/api/instructions.ts';
import type { StatusRecord } from '#shared/journal/journal-record.ts';
import { sampleSize } from '#test/sample-size.ts';
import { collectingLogger, startGitHubForTests, type GitHubForTests } from '#test/contract/github-for-tests.ts';

const CLUSTER = 'my-cluster';
const BRANCH = `tidegate/${CLUSTER}/flux-system/apps`;
const FILE = 'apps/podinfo/kustomization.yaml';
const MINUTE = 60_000;
const RETRIES = 1;

let github: GitHubForTests;
let moto: RunningMoto;
let ecr: ElasticContainerRegistry;
let registry: EcrImageRegistry;
const folder = mkdtempSync(join(tmpdir(), 'tidegate-image-update-'));

beforeAll(async () => {
  github = await startGitHubForTests({ retries: RETRIES });
  moto = await startMoto();
  ecr = openElasticContainerRegistry(moto);
  registry = createEcrImageRegistry({
    registries: [{ account: moto.account, region: moto.region, repositories: ['team/*'] }],
    createClient: (region) => new ECRClient({ endpoint: moto.url, region, credentials: moto.credentials }),
  });
});

afterAll(async () => {
  registry.close();
  ecr.close();
  await moto.stop();
  await github.github.close();
  rmSync(folder, { recursive: true, force: true });
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
    expect((await story.status())?.conditions[0]?.message).toContain('is held: #1 was closed');

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
    expect((await story.status())?.conditions[0]?.message).toContain('is held: #1 was reverted');
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
    expect((await story.status())?.conditions[0]?.message).toContain('is left alone');
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

  it('never goes back to an older version', async () => {
    const story = await startStory();
    await story.push('6.6.0');

    await story.handle(story.pushed(), story.tick());

    expect(story.pulls()).toEqual([]);
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

let stories = 0;

/** A config repository with podinfo 6.7.0, its image repository, policy and automation, and the function in front of them. */
async function startStory(options: { readonly brokenToo?: boolean } = {}) {
  stories += 1;
  const name = `team/podinfo-${stories}/podinfo`;
  const image = await ecr.createRepository({ name, immutableTags: true });
  await ecr.pushImage({ repository: name, tag: '6.7.0', content: `${name} 6.7.0` });
  const repository = await github.createRepository({
    [FILE]: [
      '# the tag is set by the automation',
      'resources: [deployment.yaml]',
      '',
      'images:',
      `    -   name: podinfo`,
      `        newName: ${image}`,
      '        newTag: 6.7.0 # {"$imagepolicy": "flux-system:podinfo:tag"}',
      '',
      '',
    ].join('\r\n'),
  });
  const fullName = `${repository.owner}/${repository.name}`;
  const url = `${github.github.url}/${fullName}`;
  const journal = createSqliteJournal(openSqliteDatabase(join(folder, String(stories))), systemClock);
  await journal.write([{ type: 'Instructions', instructions: instructionsFor(image, options.brokenToo === true) }]);
  let waited = 0;
  const host = createGitHubChangeHost(github.client);
  let beforeLook: (() => Promise<void>) | undefined;
  const dependencies: ImageUpdateDependencies = {
    settings: {
      configRepository: { url, branch: 'main' },
      github: { apiUrl: github.github.apiUrl },
      registries: { ecr: [{ account: moto.account, region: moto.region, repositories: ['team/*'] }] },
      clusters: [{ name: CLUSTER }],
    },
    imageRegistry: registry,
    gitRemote: createIsomorphicGitRemote({ version: '0.0.0-test' }),
    changeHost: {
      ...host,
      listChangeRequests: async (...request) => {
        const pause = beforeLook;
        beforeLook = undefined;
        await pause?.();
        return host.listChangeRequests(...request);
      },
    },
    sourceCredentials: createGitHubSourceCredentials({
      client: github.client,
      secrets: github.secrets,
      apiUrl: github.github.apiUrl,
    }),
    journal,
    clock: { ...systemClock, now: () => Date.now() + waited },
    log: collectingLogger(),
  };
  const handler = createImageUpdateHandler(dependencies);
  return {
    fullName,
    wait: (ms: number) => {
      waited += ms;
    },
    /** Lets the next run read the registry, and then stops it before it looks at GitHub. */
    pauseNextLook: () => {
      const reached = Promise.withResolvers<void>();
      const resumed = Promise.withResolvers<void>();
      beforeLook = () => {
        reached.resolve();
        return resumed.promise;
      };
      return { reached: reached.promise, resume: resumed.resolve };
    },
    push: async (tag: string) => {
      await ecr.pushImage({ repository: name, tag, content: `${name} ${tag}` });
    },
    handle: async (...bodies: readonly string[]) =>
      (await handler(sqsEvent(bodies))).batchItemFailures.map(({ itemIdentifier }) => itemIdentifier),
    pushed: (envelope: Readonly<Record<string, unknown>> = {}, detail: Readonly<Record<string, unknown>> = {}) =>
      JSON.stringify({
        version: '0',
        id: '13cde686-328b-6117-af20-0e5566167482',
        'detail-type': 'ECR Image Action',
        source: 'aws.ecr',
        account: moto.account,
        time: '2026-01-01T00:00:00Z',
        region: moto.region,
        resources: [],
        ...envelope,
        detail: {
          result: 'SUCCESS',
          'repository-name': name,
          'image-digest': `sha256:${'0'.repeat(64)}`,
          'action-type': 'PUSH',
          'image-tag': 'whatever-it-says',
          ...detail,
        },
      }),
    tick: () => JSON.stringify({ type: 'Tick', id: 't' }),
    instructionsChanged: () => JSON.stringify({ type: 'InstructionsChanged', cluster: CLUSTER }),
    read: async (ref: string) => (await github.github.readFile(fullName, ref, FILE)) ?? '',
    commitAsPerson: (branch: string, file: string, text: string) =>
      github.github.commitFiles(fullName, branch, { [file]: text }, `Edit ${file}`, 'alice'),
    close: (number: number) => dependencies.changeHost.updateChangeRequest(repository, number, { state: 'closed' }),
    pulls: () =>
      github.github
        .pulls(fullName)
        .map(({ number, state, title }) => `#${number} ${state} ${title}`)
        .sort(),
    commitsAhead: async () => {
      const commits = await dependencies.changeHost.listCommits(repository, { base: 'main', head: BRANCH });
      return commits.length;
    },
    status: async (automation = 'apps'): Promise<StatusRecord | undefined> => {
      const record = await journal.read(CLUSTER, `status/ImageUpdateAutomation/flux-system/${automation}`);
      return record?.type === 'Status' ? record : undefined;
    },
    events: async () =>
      (await journal.list(CLUSTER, 'event/')).flatMap((record) => (record.type === 'Event' ? [record.message] : [])),
  };
}

function instructionsFor(image: string, brokenToo: boolean): Instructions {
  const id = (name: string) => ({ namespace: 'flux-system', name });
  const automation = {
    sourceRef: { kind: 'GitRepository' as const, ...id('flux-system') },
    intervalMs: 30 * MINUTE,
    updatePath: './apps',
    commitAuthor: { name: 'fluxcdbot', email: 'fluxcdbot@users.noreply.github.com' },
    suspend: false,
  };
  return {
    cluster: CLUSTER,
    revision: `main@sha1:${'0'.repeat(40)}`,
    gitRepositories: [],
    imageRepositories: [{ ...id('podinfo'), image, intervalMs: 5 * MINUTE, exclusionList: [], suspend: false }],
    imagePolicies: [
      {
        ...id('podinfo'),
        imageRepositoryRef: id('podinfo'),
        policy: { kind: 'semver', range: '6.x' },
        digestReflectionPolicy: 'Never',
        suspend: false,
      },
    ],
    imageUpdateAutomations: [
      ...(brokenToo
        ? [{ ...automation, ...id('broken'), sourceRef: { kind: 'GitRepository' as const, ...id('gone') } }]
        : []),
      { ...automation, ...id('apps') },
    ],
  };
}

function sqsEvent(bodies: readonly string[]): SQSEvent {
  return {
    Records: bodies.map((body, index) => ({
      messageId: `message-${index}`,
      receiptHandle: `receipt-${index}`,
      body,
      attributes: {
        ApproximateReceiveCount: '1',
        SentTimestamp: '0',
        SenderId: 'test',
        ApproximateFirstReceiveTimestamp: '0',
        MessageGroupId: 'images',
      },
      messageAttributes: {},
      md5OfBody: '',
      eventSource: 'aws:sqs',
      eventSourceARN: 'arn:aws:sqs:eu-west-1:123456789012:image-update.fifo',
      awsRegion: 'eu-west-1',
    })),
  };
}
