import { randomBytes } from 'node:crypto';
import { join } from 'node:path';

import { defined } from '#shared/common/defined.ts';
import type { ApplyRecords } from '#shared/ports/apply-records.ts';
import {
  type ElasticContainerRegistry,
  openElasticContainerRegistry,
} from '#stand-ins/aws/elastic-container-registry.ts';
import { type RunningMoto, startMoto } from '#stand-ins/aws/start-moto.ts';
import { makeTemporaryFolder } from '#stand-ins/build/make-temporary-folder.ts';
import { type RunningGitHub, startGitHub } from '#stand-ins/github/start-github.ts';
import type { TokenWebhook } from '#stand-ins/kubernetes/write-token-webhook-config.ts';

import { type EnvironmentCluster, startOwnCluster, useOwnContext } from './environment-cluster.ts';
import type { Installation } from './installation.ts';
import type { JournalView } from './journal-view.ts';
import { type FleetFiles, readFleet } from './read-fleet.ts';
import { actAsUser, type RepositoryUser } from './repository-user.ts';

const OWNER = 'acme';
const REPOSITORY = 'fleet-infra';
const IMAGES = 'team-a/podinfo';
const CLUSTER = 'my-cluster';
const APP_PERMISSIONS = { contents: 'write', pull_requests: 'write', statuses: 'write', metadata: 'read' } as const;

type Closer = () => Promise<unknown>;

/** What the environment is set for. */
export interface EnvironmentOptions {
  /** A context of the person's own, in place of a cluster that is started here. */
  readonly context?: string;
  /** How much later every stand-in answers. */
  readonly delayMs?: number;
  readonly tickSeconds?: number;
  /** Without it, no AWS is played. */
  readonly registry?: boolean;
  /** The files of the configuration repository; those of the examples unless given. */
  readonly files?: (repositoryUrl: string) => Promise<FleetFiles>;
  /** Whom the cluster that is started here asks about tokens; without it, Tidegate is the administrator. */
  readonly tokenWebhook?: TokenWebhook;
  readonly progress?: (line: string) => void;
}

/** AWS, as far as the story needs it. */
export interface EnvironmentRegistry {
  readonly moto: RunningMoto;
  readonly ecr: ElasticContainerRegistry;
  /** `123456789012.dkr.ecr.eu-west-1.amazonaws.com/team-a/podinfo`. */
  readonly image: string;
  push(tag: string): Promise<void>;
}

/** What the story plays with, however Tidegate is installed; nothing of it outlives the process that set it. */
export interface DemoEnvironment {
  readonly github: RunningGitHub;
  /** The person who works on the configuration repository. */
  readonly user: RepositoryUser;
  readonly userToken: string;
  readonly repository: string;
  readonly repositoryUrl: string;
  readonly registry: EnvironmentRegistry | undefined;
  readonly cluster: EnvironmentCluster;
  /** The name of the cluster in `tidegate.yaml`. */
  readonly clusterName: string;
  readonly installation: Installation;
  readonly journal: JournalView;
  readonly records: Pick<ApplyRecords, 'load'>;
  readonly tickSeconds: number;
  readonly folder: string;
  /** Ends everything in order; the logs of the installation stay where they are when they may be needed. */
  close(options?: { readonly keepLogs?: boolean }): Promise<void>;
}

/** The GitHub App that an installation of Tidegate is. */
export interface FoundedApp {
  readonly id: number;
  /** PEM. */
  readonly privateKey: string;
  readonly webhookSecret: string;
}

/** What there is before Tidegate is installed. */
export interface EnvironmentParts {
  readonly github: RunningGitHub;
  readonly repositoryUrl: string;
  readonly registry: EnvironmentRegistry | undefined;
  readonly cluster: EnvironmentCluster;
  readonly clusterName: string;
  readonly tickSeconds: number;
  readonly folder: string;
  /** Outlives the folder when the logs may be needed. */
  readonly logFolder: string;
  /** Has the organization make the App and install it on the configuration repository. */
  foundApp(webhookUrl: string): FoundedApp;
  /** What is to be ended with the environment, the last first. */
  atEnd(close: Closer): void;
}

/** An environment and what was installed on it. */
export interface StartedEnvironment<Installed extends Installation> {
  readonly environment: DemoEnvironment;
  readonly installation: Installed;
}

/** Starts every stand-in and has Tidegate installed; the caller starts it. */
export async function startEnvironment<Installed extends Installation>(
  options: EnvironmentOptions,
  install: (scenery: EnvironmentParts) => Promise<Installed>,
): Promise<StartedEnvironment<Installed>> {
  const { delayMs = 0, tickSeconds = 2, progress = () => {} } = options;
  const folder = await makeTemporaryFolder('tidegate-demo-');
  const logs = await makeTemporaryFolder('tidegate-demo-logs-');
  const logFolder = logs.path;
  const closers: Closer[] = [() => folder.remove()];
  const closeAll = async (): Promise<void> => {
    for (const close of closers.splice(0).toReversed()) await close();
  };
  try {
    // Side by side: together they take as long as the cluster does alone.
    const [cluster, registry, github] = await settleAll([
      openCluster(options, progress, closers),
      options.registry === false ? undefined : openRegistry(delayMs, progress, closers),
      openGitHub(join(folder.path, 'github'), delayMs, closers),
    ]);

    const repositoryUrl = `${github.url}/${OWNER}/${REPOSITORY}`;
    await foundRepository(github, await (options.files ?? readFleet)(repositoryUrl));
    const shared = { github, repositoryUrl, registry, cluster, clusterName: CLUSTER, tickSeconds, folder: folder.path };
    const installation = await install({
      ...shared,
      logFolder,
      foundApp: (webhookUrl) => foundApp(github, webhookUrl),
      atEnd: (close) => void closers.push(close),
    });

    const userToken = github.createToken({ login: 'octavia', repositories: [`${OWNER}/${REPOSITORY}`] });
    const at = { owner: OWNER, repo: REPOSITORY, branch: 'main' };
    const environment: DemoEnvironment = {
      ...shared,
      userToken,
      installation,
      journal: installation.journal,
      records: installation.records,
      repository: `${OWNER}/${REPOSITORY}`,
      user: actAsUser({ apiUrl: github.apiUrl, token: userToken, ...at }),
      close: async ({ keepLogs = false } = {}) => {
        await closeAll();
        if (keepLogs) logs.keep();
        else await logs.remove();
      },
    };
    return { environment, installation };
  } catch (error) {
    await closeAll();
    await logs.remove();
    throw error;
  }
}

/** All of them, or the first that failed once none is on its way any more: what was started can then be ended. */
async function settleAll<const Work extends readonly unknown[]>(
  work: Work,
): Promise<{ -readonly [Index in keyof Work]: Awaited<Work[Index]> }> {
  await Promise.allSettled(work);
  return Promise.all(work);
}

async function openCluster(
  { context, delayMs = 0, tokenWebhook }: EnvironmentOptions,
  progress: (line: string) => void,
  closers: Closer[],
): Promise<EnvironmentCluster> {
  const cluster = await (context === undefined
    ? startOwnCluster({ delayMs, progress, ...defined({ tokenWebhook }) })
    : useOwnContext(context));
  closers.push(() => cluster.stop());
  return cluster;
}

async function openGitHub(root: string, delayMs: number, closers: Closer[]): Promise<RunningGitHub> {
  const github = await startGitHub({ root, delayMs });
  closers.push(() => github.close());
  return github;
}

async function openRegistry(
  delayMs: number,
  progress: (line: string) => void,
  closers: Closer[],
): Promise<EnvironmentRegistry> {
  const moto = await startMoto({ delayMs, progress });
  closers.push(() => moto.stop());
  const ecr = openElasticContainerRegistry(moto);
  closers.push(async () => ecr.close());
  const image = await ecr.createRepository({ name: IMAGES, immutableTags: true });
  // Older than any queue: what is in the registry at first, nobody is told of.
  await ecr.pushImage({ repository: IMAGES, tag: '6.7.0' });
  return { moto, ecr, image, push: async (tag) => void (await ecr.pushImage({ repository: IMAGES, tag })) };
}

async function foundRepository(github: RunningGitHub, files: FleetFiles): Promise<void> {
  await github.createRepository({ owner: OWNER, name: REPOSITORY, files, private: true });
  github.createUser({ login: 'octavia', name: 'Octavia' });
}

function foundApp(github: RunningGitHub, webhookUrl: string): FoundedApp {
  const webhookSecret = randomBytes(24).toString('hex');
  const hook = { url: webhookUrl, secret: webhookSecret };
  const { id, privateKey } = github.createApp({ slug: 'tidegate', owner: OWNER, permissions: APP_PERMISSIONS, hook });
  github.install({ app: 'tidegate', account: OWNER, repositories: [`${OWNER}/${REPOSITORY}`] });
  return { id, privateKey, webhookSecret };
}
