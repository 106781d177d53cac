import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import { PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';

import { systemClock } from '#shared/adapters/clock/system-clock.ts';
import { createDynamoJournal } from '#shared/adapters/dynamodb/dynamo-journal.ts';
import { formatAppKey } from '#shared/adapters/github/app-key.ts';
import { createS3ApplyRecords } from '#shared/adapters/s3/s3-apply-records.ts';
import { defined } from '#shared/common/defined.ts';
import type { RunningMoto } from '#stand-ins/aws/start-moto.ts';
import { type EksTokenWebhook, startEksTokenWebhook } from '#stand-ins/kubernetes/eks-token-webhook.ts';
import { type AwsInstallation, startInstallation } from '#stand-ins/lambda/start-installation.ts';

import type { Installation } from './installation.ts';
import { viewJournal } from './journal-view.ts';
import {
  type DemoEnvironment,
  type EnvironmentOptions,
  type EnvironmentParts,
  type FoundedApp,
  startEnvironment,
} from './start-environment.ts';

const EKS_NAME = 'demo';
const REGION = 'eu-west-1';
const platformProfile = join(import.meta.dirname, '..', 'infra', 'rbac', 'platform.yaml');

/** A stack as `cdk synth` leaves it. */
export interface Synthesis {
  readonly stackName: string;
  /** The template as JSON. */
  readonly template: unknown;
  /** The folder with the template and its assets. */
  readonly assembly: string;
}

/** What an environment with the stack of AWS is set for. */
export interface AwsDemoOptions extends Pick<EnvironmentOptions, 'delayMs' | 'tickSeconds' | 'files' | 'progress'> {
  readonly synthesize: (settingsFile: string, folder: string) => Promise<Synthesis>;
  /** A role of another account, for a cluster of that account: whoever sets the environment makes its access entry. */
  readonly roleArn?: string;
}

/** An environment on which the stack plays that `cdk deploy` would install: its bundles, on stand-ins for AWS. */
export interface AwsDemoEnvironment extends DemoEnvironment {
  readonly aws: AwsInstallation;
  readonly moto: RunningMoto;
  readonly tokenWebhook: EksTokenWebhook;
}

interface InstalledStack extends Installation {
  readonly aws: AwsInstallation;
  readonly moto: RunningMoto;
}

/** Starts every stand-in and installs the stack as docs/install-aws.md says: deployed first, the App made afterwards. */
export async function startAwsEnvironment(options: AwsDemoOptions): Promise<AwsDemoEnvironment> {
  const tokenWebhook = await startEksTokenWebhook({ clusterId: EKS_NAME, region: REGION });
  try {
    const { environment, installation } = await startEnvironment({ ...options, tokenWebhook }, (scenery) =>
      installStack(scenery, tokenWebhook, options),
    );
    const { aws, moto } = installation;
    return {
      ...environment,
      aws,
      moto,
      tokenWebhook,
      close: async (closing) => {
        await environment.close(closing);
        await tokenWebhook.stop();
      },
    };
  } catch (error) {
    await tokenWebhook.stop();
    throw error;
  }
}

async function installStack(
  scenery: EnvironmentParts,
  tokenWebhook: EksTokenWebhook,
  { synthesize, roleArn }: Pick<AwsDemoOptions, 'synthesize' | 'roleArn'>,
): Promise<InstalledStack> {
  const { cluster, clusterName, registry, folder, logFolder, tickSeconds } = scenery;
  const { binFolder } = cluster;
  if (registry === undefined || binFolder === undefined) throw new Error('the stack needs an AWS and a cluster');
  const { moto } = registry;
  const settingsFile = join(folder, 'tidegate.yaml');
  await writeFile(settingsFile, stringify(describeSettings(scenery, moto, roleArn)));
  const synthesis = await synthesize(settingsFile, join(folder, 'synth'));
  const aws = await startInstallation({
    ...synthesis,
    moto,
    folder,
    logFolder,
    tickMs: tickSeconds * 1000,
    kubectl: join(binFolder, 'kubectl'),
  });
  scenery.atEnd(() => aws.stop());
  await giveAccess(scenery, aws, tokenWebhook);
  await fillSecrets(aws, scenery.foundApp(aws.webhookUrl), moto);

  const connection = { endpoint: moto.url, region: moto.region, credentials: moto.credentials };
  const journal = createDynamoJournal({
    tableName: refOf(aws, 'AWS::DynamoDB::Table'),
    clock: systemClock,
    client: new DynamoDBClient(connection),
  });
  const s3 = new S3Client(connection);
  scenery.atEnd(async () => {
    journal.close();
    s3.destroy();
  });
  return {
    name: 'the stack',
    logFiles: [...aws.functions.flatMap(({ options }) => options.logFile ?? []), aws.sourcesLogFile],
    journal: viewJournal(() => journal, clusterName),
    records: createS3ApplyRecords({ bucket: refOf(aws, 'AWS::S3::Bucket'), client: s3 }),
    start: async () => aws.start(),
    unexpectedEnd: () => undefined,
    aws,
    moto,
  };
}

function describeSettings(scenery: EnvironmentParts, moto: RunningMoto, roleArn: string | undefined): unknown {
  const { github, repositoryUrl, cluster, clusterName } = scenery;
  const { server = '', certificateAuthority = '' } = cluster.api ?? {};
  return {
    configRepository: { url: repositoryUrl, branch: 'main' },
    github: { apiUrl: github.apiUrl },
    registries: { ecr: [{ account: moto.account, region: moto.region, repositories: ['team-a/*'] }] },
    clusters: [
      {
        name: clusterName,
        path: './clusters/my-cluster',
        eks: {
          name: EKS_NAME,
          region: moto.region,
          endpoint: server,
          certificateAuthority: Buffer.from(certificateAuthority).toString('base64'),
          ...defined({ roleArn }),
        },
      },
    ],
  };
}

/** What EKS knows of the stack, and what the cluster's administrator allows it. */
async function giveAccess(
  scenery: EnvironmentParts,
  aws: AwsInstallation,
  tokenWebhook: EksTokenWebhook,
): Promise<void> {
  for (const { caller } of aws.functions) tokenWebhook.addCaller(caller);
  aws.gate.onRoleAssumed((session) => tokenWebhook.addCaller(session));
  for (const { clusterName, principalArn, kubernetesGroups } of aws.description.accessEntries) {
    if (clusterName === EKS_NAME) tokenWebhook.addAccessEntry({ principalArn, kubernetesGroups });
  }
  await scenery.cluster.kubectl(['apply', '--server-side', '--filename=-'], await readFile(platformProfile, 'utf8'));
}

/** As `tidegate github-app create` does once the stack is deployed. */
async function fillSecrets(aws: AwsInstallation, app: FoundedApp, moto: RunningMoto): Promise<void> {
  const { WebhookSecret, GitHubCredential } = aws.stack.outputs;
  const client = new SecretsManagerClient({ endpoint: moto.url, region: moto.region, credentials: moto.credentials });
  const { id: appId, privateKey, webhookSecret } = app;
  const put = (SecretId: string | undefined, SecretString: string) =>
    client.send(new PutSecretValueCommand({ SecretId, SecretString }));
  await put(GitHubCredential, formatAppKey({ appId, privateKey }));
  await put(WebhookSecret, webhookSecret);
  client.destroy();
}

function refOf({ stack }: AwsInstallation, type: string): string {
  const found = stack.resources.find((resource) => resource.type === type);
  if (found === undefined) throw new Error(`the stack has no ${type}`);
  return found.ref;
}
