import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { stringify } from 'yaml';
import { type ElasticContainerRegistry, openElasticContainerRegistry } from '../aws/elastic-container-registry.ts';
import { type RunningMoto, startMoto } from '../aws/start-moto.ts';
import { reservePorts } from '../cluster/reserve-ports.ts';
import { type RunningGitHub, startGitHub } from '../github/start-github.ts';
import { type FleetFiles, readFleet } from './read-fleet.ts';
import { actAsUser, type RepositoryUser } from './repository-user.ts';
import { prepareServe, type ServeProcess } from './serve-process.ts';
import { type StageCluster, startOwnCluster, useOwnContext } from './stage-cluster.ts';
import { openJournalView, type JournalView } from './journal-view.ts';

const OWNER = 'acme';
const REPOSITORY = 'fleet-infra';
const IMAGES = 'team-a/podinfo';
const QUEUE = 'tidegate-ecr-events.fifo';
const APP_PERMISSIONS = { contents: 'write', pull_requests: 'write', statuses: 'write', metadata: 'read' } as const;

type Closer = () => Promise<unknown>;

/** What the stage is set for. */
export interface StageOptions {
  /** A context of the person's own, in place of a cluster that is started here. */
  readonly context?: string;
  /** How much later every stand-in answers. */
  readonly delayMs?: number;
  readonly tickSeconds?: number;
  /** Without it, no AWS is played. */
  readonly registry?: boolean;
  /** The files of the configuration repository; those of the examples unless given. */
  readonly files?: (repositoryUrl: string) => Promise<FleetFiles>;
  readonly progress?: (line: string) => void;
}

/** AWS, as far as the story needs it. */
export interface StageRegistry {
  readonly moto: RunningMoto;
  readonly ecr: ElasticContainerRegistry;
  /** `123456789012.dkr.ecr.eu-west-1.amazonaws.com/team-a/podinfo`. */
  readonly image: string;
  readonly queueUrl: string;
  push(tag: string): Promise<void>;
}

/** Everything the story plays with; nothing of it outlives the process that set it. */
export interface Stage {
  readonly github: RunningGitHub;
  /** The person who works on the configuration repository. */
  readonly user: RepositoryUser;
  readonly userToken: string;
  readonly repository: string;
  readonly repositoryUrl: string;
  readonly registry: StageRegistry | undefined;
  readonly cluster: StageCluster;
  /** The name of the cluster in `tidegate.yaml`. */
  readonly clusterName: string;
  readonly serve: ServeProcess;
  readonly journal: JournalView;
  readonly tickSeconds: number;
  readonly folder: string;
  readonly stateFolder: string;
  readonly configFile: string;
  /** Ends everything in order; the log of `serve` stays where it is when it may be needed. */
  close(options?: { readonly keepLogs?: boolean }): Promise<void>;
}

/** Starts every stand-in and prepares `tidegate serve`, which the caller starts. */
export async function setStage(options: StageOptions = {}): Promise<Stage> {
  const { delayMs = 0, tickSeconds = 2, progress = () => {} } = options;
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-demo-'));
  const logFolder = await mkdtemp(join(tmpdir(), 'tidegate-demo-logs-'));
  const closers: Closer[] = [() => rm(folder, { recursive: true, force: true })];
  const closeAll = async (): Promise<void> => {
    for (const close of closers.splice(0).toReversed()) await close();
  };
  try {
    // Side by side: together they take as long as the cluster does alone.
    const [cluster, registry, github] = await settleAll([
      openCluster(options.context, delayMs, progress, closers),
      options.registry === false ? undefined : openRegistry(delayMs, progress, closers),
      openGitHub(join(folder, 'github'), delayMs, closers),
    ]);

    const reservation = await reservePorts(1);
    const [port = 0] = reservation.ports;
    const repositoryUrl = `${github.url}/${OWNER}/${REPOSITORY}`;
    const files = await (options.files ?? readFleet)(repositoryUrl);
    const app = await foundOrganization(github, files, port, folder);
    const configFile = join(folder, 'tidegate.yaml');
    const stateFolder = join(folder, 'state');
    const settings = describeSettings({
      github,
      repositoryUrl,
      cluster,
      registry,
      port,
      tickSeconds,
      folder,
      appId: app.id,
    });
    await writeFile(configFile, stringify(settings));

    const serve = prepareServe({
      configFile,
      port,
      logFile: join(logFolder, 'serve.log'),
      env: describeEnvironment(folder, cluster, registry),
      removeAtEnd: [folder, ...reservation.claims],
    });
    closers.push(() => serve.close());
    const journal = openJournalView(stateFolder, 'my-cluster');
    closers.push(async () => journal.close());

    const userToken = github.createToken({ login: 'octavia', repositories: [`${OWNER}/${REPOSITORY}`] });
    const at = { owner: OWNER, repo: REPOSITORY, branch: 'main' };
    return {
      github,
      userToken,
      repositoryUrl,
      registry,
      cluster,
      serve,
      journal,
      tickSeconds,
      folder,
      stateFolder,
      configFile,
      clusterName: 'my-cluster',
      repository: `${OWNER}/${REPOSITORY}`,
      user: actAsUser({ apiUrl: github.apiUrl, token: userToken, ...at }),
      close: async ({ keepLogs = false } = {}) => {
        await closeAll();
        if (!keepLogs) await rm(logFolder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await closeAll();
    await rm(logFolder, { recursive: true, force: true });
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
  context: string | undefined,
  delayMs: number,
  progress: (line: string) => void,
  closers: Closer[],
): Promise<StageCluster> {
  const cluster = await (context === undefined ? startOwnCluster({ delayMs, progress }) : useOwnContext(context));
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
): Promise<StageRegistry> {
  const moto = await startMoto({ delayMs, progress });
  closers.push(() => moto.stop());
  const ecr = openElasticContainerRegistry(moto);
  closers.push(async () => ecr.close());
  const image = await ecr.createRepository({ name: IMAGES, immutableTags: true });
  // Older than the queue: what is in the registry at first, nobody is told of.
  await ecr.pushImage({ repository: IMAGES, tag: '6.7.0' });
  const { queueUrl } = await ecr.sendEventsTo({ queueName: QUEUE });
  return { moto, ecr, image, queueUrl, push: async (tag) => void (await ecr.pushImage({ repository: IMAGES, tag })) };
}

/** The organization, its configuration repository, and the App that the installation of Tidegate is. */
async function foundOrganization(
  github: RunningGitHub,
  files: FleetFiles,
  port: number,
  folder: string,
): Promise<{ readonly id: number }> {
  const repository = `${OWNER}/${REPOSITORY}`;
  await github.createRepository({ owner: OWNER, name: REPOSITORY, files, private: true });
  github.createUser({ login: 'octavia', name: 'Octavia' });
  const webhookSecret = randomBytes(24).toString('hex');
  const hook = { url: `http://127.0.0.1:${port}/webhook`, secret: webhookSecret };
  const app = github.createApp({ slug: 'tidegate', owner: OWNER, permissions: APP_PERMISSIONS, hook });
  github.install({ app: 'tidegate', account: OWNER, repositories: [repository] });
  const secrets = join(folder, 'secrets');
  await mkdir(secrets, { mode: 0o700 });
  await writeFile(join(secrets, 'github-app-private-key'), app.privateKey, { mode: 0o600 });
  await writeFile(join(secrets, 'github-webhook-secret'), webhookSecret, { mode: 0o600 });
  return app;
}

interface Installation {
  readonly github: RunningGitHub;
  readonly repositoryUrl: string;
  readonly cluster: StageCluster;
  readonly registry: StageRegistry | undefined;
  readonly port: number;
  readonly tickSeconds: number;
  readonly folder: string;
  readonly appId: number;
}

function describeSettings(installation: Installation): unknown {
  const { github, repositoryUrl, cluster, registry, port, tickSeconds, folder, appId } = installation;
  const { contextName, kubeconfigPath } = cluster;
  return {
    configRepository: { url: repositoryUrl, branch: 'main' },
    github: {
      apiUrl: github.apiUrl,
      appId,
      privateKeySecret: 'github-app-private-key',
      webhookSecret: 'github-webhook-secret',
    },
    ...(registry === undefined
      ? {}
      : {
          registries: {
            ecr: [{ account: registry.moto.account, region: registry.moto.region, repositories: ['team-a/*'] }],
          },
        }),
    clusters: [
      {
        name: 'my-cluster',
        path: './clusters/my-cluster',
        kubeconfig: { context: contextName, ...(kubeconfigPath === undefined ? {} : { file: kubeconfigPath }) },
      },
    ],
    serve: {
      port,
      stateFolder: join(folder, 'state'),
      secretsFolder: join(folder, 'secrets'),
      tickSeconds,
      ...(registry === undefined ? {} : { ecrEventsQueueUrl: registry.queueUrl }),
    },
  };
}

/** What `serve` is told by its environment: little, and of AWS only what the SDK reads there. */
function describeEnvironment(
  folder: string,
  cluster: StageCluster,
  registry: StageRegistry | undefined,
): Record<string, string> {
  const path = [cluster.binFolder, process.env['PATH']].filter((part) => part !== undefined).join(delimiter);
  const inherited = ['HOME', 'KUBECONFIG', 'TMPDIR'].flatMap((name) => {
    const value = process.env[name];
    return value === undefined || cluster.kubeconfigPath !== undefined ? [] : [[name, value]];
  });
  return { HOME: folder, PATH: path, ...Object.fromEntries(inherited), ...registry?.moto.env };
}
