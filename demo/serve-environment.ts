import { mkdir, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { stringify } from 'yaml';

import { diskApplyRecords } from '#shared/adapters/disk/disk-apply-records.ts';
import { defined } from '#shared/common/defined.ts';
import { reservePorts } from '#stand-ins/kubernetes/reserve-ports.ts';

import type { EnvironmentCluster } from './environment-cluster.ts';
import type { Installation } from './installation.ts';
import { openJournalView } from './journal-view.ts';
import { prepareServe, type ServeProcess } from './serve-process.ts';
import {
  startEnvironment,
  type DemoEnvironment,
  type EnvironmentOptions,
  type EnvironmentParts,
  type EnvironmentRegistry,
  type FoundedApp,
} from './start-environment.ts';

const QUEUE = 'tidegate-ecr-events.fifo';

/** A `tidegate serve` of this machine as an installation. */
interface ServeInstallation extends Installation {
  readonly serve: ServeProcess;
  readonly stateFolder: string;
  readonly configFile: string;
}

/** An environment on which `tidegate serve` plays. */
export interface ServeEnvironment extends DemoEnvironment {
  readonly serve: ServeProcess;
  readonly stateFolder: string;
  readonly configFile: string;
}

/** Starts every stand-in and prepares `tidegate serve`, which the caller starts. */
export async function startServeEnvironment(options: EnvironmentOptions = {}): Promise<ServeEnvironment> {
  const { environment, installation } = await startEnvironment(options, installServe);
  const { serve, stateFolder, configFile } = installation;
  return { ...environment, serve, stateFolder, configFile };
}

async function installServe(scenery: EnvironmentParts): Promise<ServeInstallation> {
  const { cluster, registry, folder, logFolder, clusterName } = scenery;
  const reservation = await reservePorts(1);
  const [port = 0] = reservation.ports;
  const app = scenery.foundApp(`http://127.0.0.1:${port}/webhook`);
  await writeSecrets(app, folder);
  const ecrEvents = await registry?.ecr.sendEventsTo({ queueName: QUEUE });
  const configFile = join(folder, 'tidegate.yaml');
  const stateFolder = join(folder, 'state');
  await writeFile(configFile, stringify(describeSettings(scenery, { port, appId: app.id, ecrEvents })));

  const serve = prepareServe({
    configFile,
    port,
    logFile: join(logFolder, 'serve.log'),
    env: describeEnvironment(folder, cluster, registry),
    removeAtEnd: [folder, ...reservation.claims],
  });
  scenery.atEnd(() => serve.close());
  const journal = openJournalView(stateFolder, clusterName);
  scenery.atEnd(async () => journal.close());
  return {
    name: 'tidegate serve',
    logFiles: [serve.logFile],
    journal,
    records: diskApplyRecords(join(stateFolder, 'records')),
    start: () => serve.start(),
    unexpectedEnd: () => serve.unexpectedEnd(),
    serve,
    stateFolder,
    configFile,
  };
}

async function writeSecrets({ privateKey, webhookSecret }: FoundedApp, folder: string): Promise<void> {
  const secrets = join(folder, 'secrets');
  await mkdir(secrets, { mode: 0o700 });
  await writeFile(join(secrets, 'github-app-private-key'), privateKey, { mode: 0o600 });
  await writeFile(join(secrets, 'github-webhook-secret'), webhookSecret, { mode: 0o600 });
}

interface ServeFacts {
  readonly port: number;
  readonly appId: number;
  readonly ecrEvents: { readonly queueUrl: string } | undefined;
}

function describeSettings(scenery: EnvironmentParts, { port, appId, ecrEvents }: ServeFacts): unknown {
  const { github, repositoryUrl, cluster, clusterName, registry, tickSeconds, folder } = scenery;
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
        name: clusterName,
        path: './clusters/my-cluster',
        kubeconfig: { context: contextName, ...defined({ file: kubeconfigPath }) },
      },
    ],
    serve: {
      port,
      stateFolder: join(folder, 'state'),
      secretsFolder: join(folder, 'secrets'),
      tickSeconds,
      ...(ecrEvents === undefined ? {} : { ecrEventsQueueUrl: ecrEvents.queueUrl }),
    },
  };
}

/** What `serve` is told by its environment: little, and of AWS only what the SDK reads there. */
function describeEnvironment(
  folder: string,
  cluster: EnvironmentCluster,
  registry: EnvironmentRegistry | undefined,
): Record<string, string> {
  const path = [cluster.binFolder, process.env['PATH']].filter((part) => part !== undefined).join(delimiter);
  const inherited = ['HOME', 'KUBECONFIG', 'TMPDIR'].flatMap((name) => {
    const value = process.env[name];
    return value === undefined || cluster.kubeconfigPath !== undefined ? [] : [[name, value]];
  });
  return { HOME: folder, PATH: path, ...Object.fromEntries(inherited), ...registry?.moto.env };
}
