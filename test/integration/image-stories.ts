import { Octokit } from '@octokit/core';
import type { SQSEvent } from 'aws-lambda';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { createImageUpdateHandler, type ImageUpdateDependencies } from '#functions/image-update/handler.ts';
import { systemClock } from '#shared/adapters/clock/system-clock.ts';
import { createIsomorphicGitRemote } from '#shared/adapters/git/isomorphic-git-remote.ts';
import { createGitHubChangeHost } from '#shared/adapters/github/github-change-host.ts';
import { createGitHubClient } from '#shared/adapters/github/github-client.ts';
import { createGitHubSourceCredentials } from '#shared/adapters/github/github-source-credentials.ts';
import { openSqliteDatabase, type SqliteDatabase } from '#shared/adapters/sqlite/sqlite-database.ts';
import { createSqliteJournal } from '#shared/adapters/sqlite/sqlite-journal.ts';
import type { FluxObjects } from '#shared/flux/flux-objects.ts';
import { createUpdateImagesMemory } from '#shared/image-update/update-images.ts';
import { createQuietTimes } from '#shared/journal/quiet-times.ts';
import type { StatusRecord } from '#shared/records/journal-record.ts';
import { collectingLogger, startGitHubForTests } from '#test/contract/github-for-tests.ts';

import { recordFluxObjects } from './record-flux-objects.ts';
import { startEcrForStories, type StoryRegistry } from './story-registry.ts';

export const CLUSTER = 'my-cluster';
export const BRANCH = `tidegate/${CLUSTER}/flux-system/apps`;
export const FILE = 'apps/podinfo/kustomization.yaml';
export const MINUTE = 60_000;
/** As much time as anybody needs. */
const UNHURRIED = { getRemainingTimeInMillis: () => 900_000 };

const RETRIES = 1;
const PLAIN_FILE = { mode: '100644', type: 'blob' } as const;

/** A GitHub, a registry and as many stories on them as a file wants. */
export type ImageStories = Awaited<ReturnType<typeof startImageStories>>;
/** One configuration repository with its image repository, policy and automation, and the function in front of them. */
export type ImageStory = Awaited<ReturnType<ImageStories['startStory']>>;

/** Flux objects of a story as a test wants them changed. */
export type ChangeFluxObjects = (fluxObjects: FluxObjects) => FluxObjects;

/** Starts what the stories of one test file share. */
export async function startImageStories(
  openRegistry: () => StoryRegistry | Promise<StoryRegistry> = startEcrForStories,
) {
  const github = await startGitHubForTests({ retries: RETRIES });
  // Thousands of stories in an hour are no matter of anybody's limit.
  github.github.rateLimits.configure({ perHour: Number.MAX_SAFE_INTEGER });
  const images = await openRegistry();
  const registries = { ecr: [{ account: images.account, region: images.region, repositories: ['team/*'] }] };
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-image-update-'));
  const token = github.github.createToken({ login: 'alice' });
  const person = new Octokit({ baseUrl: github.github.apiUrl, auth: token });
  /** Journals of stories that have ended, empty again. */
  const idle: SqliteDatabase[] = [];
  let stories = 0;

  /** A config repository with podinfo 6.7.0, its image repository, policy and automation, and the function in front of them. */
  async function startStory(
    options: {
      readonly brokenToo?: boolean;
      /** The settings' name of the installation. */
      readonly installation?: string;
      /** Its processes keep in the journal when GitHub's limits end. */
      readonly keepsLimits?: boolean;
      readonly files?: (image: string) => Readonly<Record<string, string>>;
    } = {},
  ) {
    stories += 1;
    const name = `team/podinfo-${stories}/podinfo`;
    const image = await images.createRepository(name);
    await images.push(name, '6.7.0');
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
      ...options.files?.(image),
    });
    const fullName = `${repository.owner}/${repository.name}`;
    const url = `${github.github.url}/${fullName}`;
    const database = idle.pop() ?? openDatabase(join(folder, String(stories)));
    const journal = createSqliteJournal(database, systemClock);
    let fluxObjects = fluxObjectsFor(image, options.brokenToo === true);
    await recordFluxObjects(journal, fluxObjects);
    let waited = 0;
    const clock = { ...systemClock, now: () => Date.now() + waited };
    const openProcess = () => {
      const quietTimes = createQuietTimes(journal, clock, { perOwner: true });
      const keeping = { ...github.clientOptions, quietTimes, clock };
      const client = options.keepsLimits === true ? createGitHubClient(keeping) : github.client;
      const { secrets } = github;
      return {
        quietTimes,
        changeHost: createGitHubChangeHost(client),
        sourceCredentials: createGitHubSourceCredentials({ client, secrets, apiUrl: github.github.apiUrl }),
        memory: createUpdateImagesMemory(),
      };
    };
    const first = openProcess();
    const host = first.changeHost;
    let beforeLook: (() => Promise<void>) | undefined;
    const dependencies: ImageUpdateDependencies = {
      ...first,
      settings: {
        installation: options.installation ?? 'default',
        configRepository: { url, branch: 'main' },
        github: { apiUrl: github.github.apiUrl, branchPrefix: 'tidegate/' },
        registries,
        clusters: [{ name: CLUSTER }],
      },
      imageRegistry: images.registry,
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
      journal,
      clock,
      log: collectingLogger(),
    };
    let { settings } = dependencies;
    let handler = createImageUpdateHandler(dependencies);
    let context = UNHURRIED;
    const where = { owner: repository.owner, repo: repository.name };
    const changePull = (
      number: number,
      change: { title?: string; body?: string; base?: string; state?: 'open' | 'closed' },
    ) =>
      person.request('PATCH /repos/{owner}/{repo}/pulls/{pull_number}', { ...where, pull_number: number, ...change });
    return {
      fullName,
      repository,
      image,
      journal,
      host,
      /** What the cluster's folder says from now on. */
      instruct: async (change: ChangeFluxObjects) => {
        fluxObjects = change(fluxObjects);
        await recordFluxObjects(journal, fluxObjects);
      },
      /** What the folder of another cluster says. */
      instructOf: async (cluster: string, change: ChangeFluxObjects) => {
        await recordFluxObjects(journal, { ...change(fluxObjects), cluster });
      },
      /** Another tidegate.yaml, and the function deployed with it. */
      configure: (change: (now: ImageUpdateDependencies['settings']) => ImageUpdateDependencies['settings']) => {
        settings = change(settings);
        handler = createImageUpdateHandler({ ...dependencies, settings });
      },
      /** Runs end after so long from now on. */
      hurry: (ms: number) => {
        context = { getRemainingTimeInMillis: () => ms };
      },
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
      push: (tag: string) => images.push(name, tag),
      handle: async (...bodies: readonly string[]) =>
        (await handler(sqsEvent(bodies), context)).batchItemFailures.map(({ itemIdentifier }) => itemIdentifier),
      /** The same function in another process, which knows what the journal knows. */
      handleElsewhere: async (...bodies: readonly string[]) => {
        const other = createImageUpdateHandler({ ...dependencies, ...openProcess() });
        return (await other(sqsEvent(bodies), UNHURRIED)).batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
      },
      now: clock.now,
      /** Another installation on the same repository, as the same App, with a journal of its own. */
      openOther: async (installation: string, change: ChangeFluxObjects = (same) => same) => {
        const ownJournal = createSqliteJournal(openSqliteDatabase(mkdtempSync(join(folder, 'other-'))), clock);
        const instruct = async (changeNow: ChangeFluxObjects) => {
          await recordFluxObjects(ownJournal, changeNow(fluxObjectsFor(image, false)));
        };
        await instruct(change);
        const { cluster } = change(fluxObjects);
        const other = createImageUpdateHandler({
          ...dependencies,
          ...openProcess(),
          journal: ownJournal,
          settings: { ...dependencies.settings, installation, clusters: [{ name: cluster }] },
        });
        const changed = JSON.stringify({ type: 'InstructionsChanged', cluster });
        return {
          instruct,
          handle: async () => (await other(sqsEvent([changed]), UNHURRIED)).batchItemFailures.length,
        };
      },
      pushed: (envelope: Readonly<Record<string, unknown>> = {}, detail: Readonly<Record<string, unknown>> = {}) =>
        JSON.stringify({
          version: '0',
          id: '13cde686-328b-6117-af20-0e5566167482',
          'detail-type': 'ECR Image Action',
          source: 'aws.ecr',
          account: images.account,
          time: '2026-01-01T00:00:00Z',
          region: images.region,
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
      fluxObjectsChanged: () => JSON.stringify({ type: 'InstructionsChanged', cluster: CLUSTER }),
      read: async (ref: string) => (await github.github.readFile(fullName, ref, FILE)) ?? '',
      commitAsPerson: (branch: string, file: string, text: string) =>
        github.github.commitFiles(fullName, branch, { [file]: text }, `Edit ${file}`, 'alice'),
      readFile: (ref: string, file: string) => github.github.readFile(fullName, ref, file),
      /** The tag that the file sets at a branch or commit. */
      tagAt: async (ref: string) =>
        /newTag: (\S+)/u.exec((await github.github.readFile(fullName, ref, FILE)) ?? '')?.[1],
      /** What a person does on GitHub's pages. */
      asPerson: {
        close: (number: number) => changePull(number, { state: 'closed' }),
        reopen: (number: number) => changePull(number, { state: 'open' }),
        edit: (number: number, change: { title?: string; body?: string; base?: string }) => changePull(number, change),
        comment: (number: number, body: string) =>
          person.request('POST /repos/{owner}/{repo}/issues/{issue_number}/comments', {
            ...where,
            issue_number: number,
            body,
          }),
        label: (number: number, label: string) =>
          person.request('POST /repos/{owner}/{repo}/issues/{issue_number}/labels', {
            ...where,
            issue_number: number,
            labels: [label],
          }),
        deleteBranch: (branch: string) =>
          person.request('DELETE /repos/{owner}/{repo}/git/refs/{ref}', { ...where, ref: `heads/${branch}` }),
        pointBranch: (branch: string, sha: string) =>
          person.request('PATCH /repos/{owner}/{repo}/git/refs/{ref}', {
            ...where,
            ref: `heads/${branch}`,
            sha,
            force: true,
          }),
        createBranch: (branch: string, sha: string) =>
          person.request('POST /repos/{owner}/{repo}/git/refs', { ...where, ref: `refs/heads/${branch}`, sha }),
      },
      /** A commit that holds what another one holds, with these parents, made on the pages of GitHub. */
      commitLike: async (like: string, parents: readonly string[], files: Readonly<Record<string, string>> = {}) => {
        const { data: tree } = await person.request('POST /repos/{owner}/{repo}/git/trees', {
          ...where,
          base_tree: like,
          tree: Object.entries(files).map(([path, content]) => ({ path, content, ...PLAIN_FILE })),
        });
        const { data } = await person.request('POST /repos/{owner}/{repo}/git/commits', {
          ...where,
          tree: tree.sha,
          parents: [...parents],
          message: "Merge branch 'main' into it",
          author: { name: 'alice', email: 'alice@users.noreply.github.com' },
          committer: { name: 'GitHub', email: 'noreply@github.com' },
        });
        return data.sha;
      },
      /** What was said about a pull request, in the order in which it was said. */
      comments: async (number: number) => {
        const { data } = await person.request('GET /repos/{owner}/{repo}/issues/{issue_number}/comments', {
          ...where,
          issue_number: number,
        });
        return data.map(({ body }) => body ?? '');
      },
      pull: (number: number) => github.github.pulls(fullName).find((one) => one.number === number),
      merge: (number: number, method: 'merge' | 'squash' = 'merge') =>
        github.github.mergePull(fullName, number, 'alice', method),
      head: (branch: string) => github.github.head(fullName, branch),
      automation: firstOf(fluxObjects.imageUpdateAutomations),
      messageOf: async (ref: string) => (await github.github.log(fullName, [ref]))[0]?.message ?? '',
      firstCommit: async () => (await github.github.log(fullName, ['main'])).at(-1)?.sha ?? '',
      /** Those of the commits that no branch and no pull request holds. */
      unreachable: async (commits: readonly string[]) => {
        const held = new Set((await github.github.log(fullName, ['--all'])).map(({ sha }) => sha));
        return commits.filter((sha) => !held.has(sha));
      },
      close: (number: number) => dependencies.changeHost.updateChangeRequest(repository, number, { state: 'closed' }),
      pulls: () =>
        github.github
          .pulls(fullName)
          .map(({ number, state, title }) => `#${number} ${state} ${title}`)
          .sort(),
      commitsAhead: async () => {
        const comparison = await dependencies.changeHost.compare(repository, { base: 'main', head: BRANCH });
        return comparison?.commits.length;
      },
      status: async (automation = 'apps'): Promise<StatusRecord | undefined> => {
        const record = await journal.read(CLUSTER, `status/ImageUpdateAutomation/flux-system/${automation}`);
        return record?.type === 'Status' ? record : undefined;
      },
      /** Nothing of it is needed any more. */
      end: async () => {
        database.connection.exec('DELETE FROM journal; DELETE FROM changes');
        idle.push(database);
        await github.github.deleteRepository(fullName);
      },
      events: async () =>
        (await journal.list(CLUSTER, 'event/')).flatMap((record) => (record.type === 'Event' ? [record.message] : [])),
    };
  }

  return {
    github,
    /** Has something happen before requests of ours; those of people are none. */
    interruptWith(act: ((endpoint: string) => Promise<void>) | null) {
      github.github.interruptWith(
        act === null
          ? null
          : (endpoint, authorization) => (authorization.includes(token) ? Promise.resolve() : act(endpoint)),
      );
    },
    images,
    startStory,
    async close() {
      await images.close();
      await github.github.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function openDatabase(folder: string): SqliteDatabase {
  const database = openSqliteDatabase(folder);
  // Nothing here outlives a loss of power.
  database.connection.exec('PRAGMA synchronous = OFF');
  return database;
}

function firstOf<T>(items: readonly T[]): T {
  const [first] = items;
  if (first === undefined) throw new Error('there is none');
  return first;
}

function fluxObjectsFor(image: string, brokenToo: boolean): FluxObjects {
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
