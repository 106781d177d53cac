import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { appendFile, mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';

import { type DeployedStack, deployTemplate } from '#stand-ins/aws/deploy-template.ts';
import type { PolicyStatement } from '#stand-ins/aws/evaluate-policy.ts';
import { roleStatements } from '#stand-ins/aws/role-statements.ts';
import type { RunningMoto } from '#stand-ins/aws/start-moto.ts';
import { type PermissionGate, startPermissionGate } from '#stand-ins/aws/start-permission-gate.ts';
import type { AwsCaller } from '#stand-ins/kubernetes/verify-identity-request.ts';

import { describeStack, type FunctionDescription, type StackDescription } from './describe-stack.ts';
import { type Assets, openAssets } from './open-assets.ts';
import { type HttpApi, serveHttpApi } from './serve-http-api.ts';
import { type FunctionOptions, type Invocation, type LambdaFunction, startFunction } from './start-function.ts';
import { startSources } from './start-sources.ts';

/** A synthesized stack and where it is installed. */
export interface InstallationOptions {
  readonly stackName: string;
  /** The stack's template as JSON. */
  readonly template: unknown;
  /** The folder that `cdk synth` wrote: its assets are what a deployment would upload. */
  readonly assembly: string;
  readonly moto: RunningMoto;
  /** Takes what is unpacked. */
  readonly folder: string;
  /** Takes a log of each function. */
  readonly logFolder: string;
  /** How often the schedules send, in place of every minute. */
  readonly tickMs: number;
  /** A kubectl for machines on which the layer's, of linux/amd64, does not run. */
  readonly kubectl?: string;
}

/** One function of the stack as it runs here. */
export interface InstalledFunction extends LambdaFunction {
  readonly description: FunctionDescription;
  /** How its processes are started; their variables are the template's, its layers and AWS put where they lie. */
  readonly options: FunctionOptions;
  /** What became of the events it was given so far. */
  invocations(): readonly PastInvocation[];
  /** Who it is to AWS. */
  readonly caller: AwsCaller;
}

/** One event that a function was given. */
export interface PastInvocation {
  readonly outcome: Invocation['outcome'];
  /** Whether a process was started for it. */
  readonly coldStart: boolean;
  readonly ms: number;
}

/** The stack, with moto in place of AWS and processes of this machine in place of Lambda. */
export interface AwsInstallation {
  readonly stack: DeployedStack;
  readonly description: StackDescription;
  readonly webhookUrl: string;
  readonly api: HttpApi;
  /** Between the functions and moto: what it refuses, IAM would. */
  readonly gate: PermissionGate;
  readonly functions: readonly InstalledFunction[];
  /** The one whose logical id begins so: `SourceSync`. */
  functionOf(id: string): InstalledFunction;
  /** Lets queues, streams and schedules call the functions. */
  start(): void;
  /** What queues, stream and schedules did. */
  readonly sourcesLogFile: string;
  stop(): Promise<void>;
}

/** Installs a synthesized stack; its address for webhooks answers at once, the rest with `start`. */
export async function startInstallation(options: InstallationOptions): Promise<AwsInstallation> {
  const { stackName, template, assembly, moto, folder, logFolder, tickMs } = options;
  const stack = await deployTemplate({ template, stackName, moto });
  const description = describeStack(stack);
  const assets = await openAssets({ assembly, stackName, folder: join(folder, 'assets') });
  await mkdir(logFolder, { recursive: true });
  const gate = await startPermissionGate(moto);
  const functions = await Promise.all(
    description.functions.map((one) =>
      installFunction(one, { assets, moto, gate, logFolder, options, statements: roleStatements(stack, one.roleArn) }),
    ),
  );
  const byArn = new Map(functions.map((one) => [one.description.arn, one]));
  const byName = new Map(functions.map((one) => [one.description.name, one]));
  const api = await serveHttpApi({
    apiId: description.routes[0]?.apiId ?? '',
    account: moto.account,
    routes: description.routes.map(({ method, path, functionArn }) => ({
      method,
      path,
      function: find(byArn, functionArn),
    })),
  });

  const queueUrls = new Map(
    stack.resources
      .filter(({ type }) => type === 'AWS::SQS::Queue')
      .map(({ ref, attributes }) => [attributes['Arn'] ?? '', ref]),
  );
  const urlOf = (queueArn: string): string => find(queueUrls, queueArn);
  const sourcesLogFile = join(logFolder, 'sources.log');
  let writing = Promise.resolve();
  const log = (line: string): void => {
    writing = writing.then(() => appendFile(sourcesLogFile, `${new Date().toISOString()} ${line}\n`)).catch(() => {});
  };
  let sources: { stop(): Promise<void> } | undefined;
  return {
    stack,
    description,
    api,
    gate,
    functions,
    webhookUrl: (stack.outputs['WebhookUrl'] ?? '').replace(/^https:\/\/[^/]+/u, api.url),
    functionOf: (id) => {
      const found = functions.find((one) => one.description.id.startsWith(id));
      if (found !== undefined) return found;
      throw new Error(`no function ${id} in the stack: ${functions.map((one) => one.description.id).join(', ')}`);
    },
    start: () => {
      sources ??= startSources({ description, functionOf: (name) => find(byName, name), urlOf, moto, tickMs, log });
    },
    sourcesLogFile,
    stop: async () => {
      // Side by side: what polls waits for the functions, and what they were in the middle of ends with them.
      await Promise.all([api.stop(), sources?.stop(), ...functions.map((one) => one.stop())]);
      await gate.stop();
      await writing;
    },
  };
}

interface Surroundings {
  readonly assets: Assets;
  readonly moto: RunningMoto;
  readonly gate: PermissionGate;
  readonly statements: readonly PolicyStatement[];
  readonly logFolder: string;
  readonly options: InstallationOptions;
}

async function installFunction(
  description: FunctionDescription,
  { assets, moto, gate, statements, logFolder, options }: Surroundings,
): Promise<InstalledFunction> {
  const { id, name, handler, codeKey, timeoutMs, memoryMb, roleArn } = description;
  const caller = await becomeRole(moto, roleArn, name);
  gate.addCaller(caller.accessKeyId, { name: id, functionArn: description.arn, statements });
  const opt = await unpackLayers(description, assets, options);
  const environment = Object.fromEntries(
    Object.entries(description.environment).map(([variable, value]) => [
      variable,
      // The SDKs take the address of a queue for that of SQS.
      moveOpt(value.replace(`${moto.url}/`, `${gate.url}/`), opt),
    ]),
  );
  const functionOptions: FunctionOptions = {
    name,
    handler,
    taskRoot: await assets.folderOf(codeKey),
    environment,
    reserved: {
      AWS_REGION: moto.region,
      AWS_DEFAULT_REGION: moto.region,
      AWS_ACCESS_KEY_ID: caller.accessKeyId,
      AWS_SECRET_ACCESS_KEY: caller.secretAccessKey,
      AWS_SESSION_TOKEN: caller.sessionToken ?? '',
      AWS_ENDPOINT_URL: gate.url,
    },
    timeoutMs,
    memoryMb,
    logFile: join(logFolder, `${id}.log`),
  };
  const running = startFunction(functionOptions);
  const past: PastInvocation[] = [];
  return {
    ...running,
    invoke: async (event) => {
      const invocation = await running.invoke(event);
      const { outcome, ms } = invocation;
      past.push({ outcome, ms, coldStart: outcome === 'answered' && invocation.coldStart });
      return invocation;
    },
    invocations: () => past,
    description,
    options: functionOptions,
    caller,
  };
}

/** Lambda runs a function as a session of its role, named after the function. */
async function becomeRole(moto: RunningMoto, roleArn: string, session: string): Promise<AwsCaller> {
  const sts = new STSClient({ endpoint: moto.url, region: moto.region, credentials: moto.credentials });
  try {
    const command = new AssumeRoleCommand({ RoleArn: roleArn, RoleSessionName: session });
    const { Credentials, AssumedRoleUser } = await sts.send(command);
    return {
      accessKeyId: Credentials?.AccessKeyId ?? '',
      secretAccessKey: Credentials?.SecretAccessKey ?? '',
      sessionToken: Credentials?.SessionToken ?? '',
      arn: AssumedRoleUser?.Arn ?? '',
    };
  } finally {
    sts.destroy();
  }
}

/** Lambda unpacks layers to `/opt`, which only root could here. */
async function unpackLayers(
  { layerKeys, architecture }: FunctionDescription,
  assets: Assets,
  { folder, kubectl }: InstallationOptions,
): Promise<string | undefined> {
  const [layerKey, ...others] = layerKeys;
  if (layerKey === undefined) return undefined;
  if (others.length > 0) throw new Error(`a function has ${layerKeys.length} layers; allowed here: one`);
  if (architecture === LAMBDA_ARCHITECTURE[process.arch]) return assets.folderOf(layerKey);
  if (kubectl === undefined) throw new Error(`the layer is of ${architecture}, this machine is of ${process.arch}`);
  const opt = join(folder, 'opt');
  await mkdir(join(opt, 'kubectl'), { recursive: true });
  await symlink(kubectl, join(opt, 'kubectl', 'kubectl'));
  return opt;
}

const LAMBDA_ARCHITECTURE: Readonly<Record<string, string>> = { x64: 'x86_64', arm64: 'arm64' };

/** What lies in a layer lies elsewhere here. */
function moveOpt(value: string, opt: string | undefined): string {
  return opt !== undefined && value.startsWith('/opt/') ? join(opt, value.slice('/opt/'.length)) : value;
}

function find<Value>(map: ReadonlyMap<string, Value>, key: string): Value {
  const found = map.get(key);
  if (found === undefined) throw new Error(`${key} is not part of the stack: ${[...map.keys()].join(', ')}`);
  return found;
}
