import { EKSClient } from '@aws-sdk/client-eks';

import { createFolderSecrets } from '#shared/adapters/disk/folder-secrets.ts';
import { createEcrImageRegistry } from '#shared/adapters/ecr/ecr-image-registry.ts';
import { describeEksCluster } from '#shared/adapters/eks/describe-eks-cluster.ts';
import { parseAppKey } from '#shared/adapters/github/app-key.ts';
import {
  inspectApp,
  inspectToken,
  type GitHubFault,
  type GitHubInspection,
} from '#shared/adapters/github/inspect-github.ts';
import { eksConnection } from '#shared/adapters/kubernetes/eks-connection.ts';
import { inspectCluster, type ClusterRight } from '#shared/adapters/kubernetes/inspect-cluster.ts';
import { kubeconfigConnection } from '#shared/adapters/kubernetes/kubeconfig-connection.ts';
import { describeError } from '#shared/common/tidegate-error.ts';
import { VERSION } from '#shared/common/version.ts';
import { KubernetesApiError } from '#shared/kubernetes/api-error.ts';
import type { EksNetwork } from '#shared/ports/describe-eks-cluster.ts';
import { eksClusters, type EksCluster } from '#shared/settings/eks-clusters.ts';
import { accountOfRole } from '#shared/settings/role-arn.ts';
import { serveClusters, type ServeCluster } from '#shared/settings/serve-clusters.ts';
import type { Finding, SettingsPath } from '#shared/settings/settings-places.ts';
import type { Settings } from '#shared/settings/settings.ts';

import { APP_EVENTS, APP_PERMISSIONS } from './app-manifest.ts';
import { decideEndpointAccess } from './decide-endpoint-access.ts';
import { judgeEksCluster } from './judge-eks-cluster.ts';
import { nameEksCluster, whyMissing } from './refuse-eks-cluster.ts';

/** What came of asking: what is wrong, and what was seen. */
export interface OnlineInspection {
  readonly findings: readonly Finding[];
  readonly seen: readonly string[];
}

const OWN_NAMESPACE = 'tidegate-system';
const VERBS = ['get', 'list', 'create', 'update', 'patch', 'delete'] as const;
/** Without these no run begins: the lease, and the ApplySet parents. */
const OWN_RIGHTS: readonly ClusterRight[] = [
  ...['get', 'create', 'update'].map((verb) => ({ verb, group: 'coordination.k8s.io', resource: 'leases' })),
  ...['list', 'create', 'patch', 'delete'].map((verb) => ({ verb, group: '', resource: 'configmaps' })),
].map((right) => ({ ...right, namespace: OWN_NAMESPACE }));

const EVERYTHING: readonly ClusterRight[] = VERBS.map((verb) => ({ verb, group: '*', resource: '*' }));

/** Asks GitHub, ECR, the API servers and EKS whether they would do what the settings want of them. Changes nothing. */
export async function inspectOnline(settings: Settings): Promise<OnlineInspection> {
  const parts = await Promise.all([
    askGitHub(settings),
    askRegistries(settings.registries.ecr),
    ...serveClusters(settings).map(({ cluster, index }) => askCluster(cluster, index)),
    ...eksClusters(settings).map((cluster) =>
      askEks(
        cluster,
        settings.clusters.findIndex(({ name }) => name === cluster.name),
      ),
    ),
  ]);
  return { findings: parts.flatMap(({ findings }) => findings), seen: parts.flatMap(({ seen }) => seen) };
}

async function askGitHub(settings: Settings): Promise<OnlineInspection> {
  const { github, configRepository, serve } = settings;
  if (serveClusters(settings).length === 0) {
    return { findings: [], seen: ['GitHub was not asked: its credential lies in Secrets Manager'] };
  }
  const [, owner = '', name = ''] = new URL(configRepository.url).pathname.split('/');
  const repository = { owner, name: name.replace(/\.git$/u, '') };
  const needs = { repository, branch: configRepository.branch, permissions: APP_PERMISSIONS, events: APP_EVENTS };
  const options = { apiUrl: github.apiUrl, version: VERSION, needs };
  const secretName = github.privateKeySecret ?? github.tokenSecret ?? '';
  const key = github.privateKeySecret === undefined ? 'tokenSecret' : 'privateKeySecret';
  const secrets = createFolderSecrets(serve.secretsFolder, () => undefined);
  const secret = (await secrets.read(secretName).catch(() => undefined))?.trim() ?? '';
  // That it is missing or malformed was said by whoever looked at this machine.
  if (secret === '') return { findings: [], seen: [] };
  let inspection: GitHubInspection;
  if (key === 'tokenSecret') {
    inspection = await inspectToken(secret, options);
  } else {
    const appKey = readAppKey(secret, secretName, github.appId);
    if (appKey === undefined) return { findings: [], seen: [] };
    inspection = await inspectApp(appKey, options);
  }
  const findings = inspection.faults.map(({ about, message }) => ({ path: pathOf(about, key), message }));
  const where = `${owner}/${repository.name}, branch ${configRepository.branch}`;
  return { findings, seen: inspection.actor === undefined ? [] : [`GitHub: ${inspection.actor} on ${where}`] };
}

function readAppKey(secret: string, name: string, appId: number | undefined) {
  try {
    return parseAppKey(secret, { name, appId });
  } catch {
    return undefined;
  }
}

function pathOf(about: GitHubFault['about'], credential: string): SettingsPath {
  switch (about) {
    case 'api':
      return ['github', 'apiUrl'];
    case 'credential':
      return ['github', credential];
    case 'repository':
      return ['configRepository', 'url'];
    case 'branch':
      return ['configRepository', 'branch'];
  }
}

async function askCluster({ name, target, namespaces }: ServeCluster, index: number): Promise<OnlineInspection> {
  const path = ['clusters', index, 'kubeconfig', 'context'];
  const connection = tryTo(() => kubeconfigConnection(target));
  // What is wrong with the kubeconfig was said by whoever looked at this machine.
  if (connection === undefined) return { findings: [], seen: [] };
  try {
    // Within namespaces, a role names the kinds that it is for: only a person can tell whether those are all.
    const wanted = namespaces === undefined ? EVERYTHING : workloadRights(namespaces);
    const rights = [...OWN_RIGHTS, ...wanted];
    const { serverVersion, denied } = await inspectCluster(connection, rights, { version: VERSION });
    const seen = [`cluster ${name}: Kubernetes ${serverVersion} at ${connection.server}`];
    if (denied.length === 0) return { findings: [], seen };
    const profile = namespaces === undefined ? 'platform' : 'workload';
    const message = `the context may not ${describeRights(denied)}; allowed: the rights of infra/rbac/${profile}.yaml`;
    return { findings: [{ path, message }], seen };
  } catch (error) {
    return { findings: [{ path, message: `${connection.server} cannot be asked: ${describeError(error)}` }], seen: [] };
  }
}

function workloadRights(namespaces: readonly string[]): readonly ClusterRight[] {
  const kinds = [
    { group: '', resource: 'configmaps' },
    { group: 'apps', resource: 'deployments' },
  ];
  return namespaces.flatMap((namespace) =>
    kinds.flatMap((kind) => VERBS.map((verb) => ({ verb, ...kind, namespace }))),
  );
}

/** `list, patch deployments.apps in team-a; get everything`. */
function describeRights(denied: readonly ClusterRight[]): string {
  const verbs = new Map<string, string[]>();
  for (const { verb, group, resource, namespace } of denied) {
    const kind = resource === '*' ? 'everything' : group === '' ? resource : `${resource}.${group}`;
    const what = namespace === undefined ? kind : `${kind} in ${namespace}`;
    verbs.set(what, [...(verbs.get(what) ?? []), verb]);
  }
  return [...verbs].map(([what, which]) => `${which.join(', ')} ${what}`).join('; ');
}

async function askRegistries(registries: Settings['registries']['ecr']): Promise<OnlineInspection> {
  const ecr = createEcrImageRegistry({ registries });
  const findings: Finding[] = [];
  const seen: string[] = [];
  try {
    for (const [index, registry] of registries.entries()) {
      const read: string[] = [];
      for (const [at, pattern] of registry.repositories.entries()) {
        try {
          read.push(await ecr.probe(registry, pattern));
        } catch (error) {
          const path = ['registries', 'ecr', index, 'repositories', at];
          findings.push({ path, message: describeError(error) });
        }
      }
      const whose = 'with the credentials of this machine; in AWS the function image-update has a role of its own';
      if (read.length > 0) {
        seen.push(`ECR ${registry.account} in ${registry.region}: ${read.join(', ')} can be read, ${whose}`);
      }
    }
  } finally {
    ecr.close();
  }
  return { findings, seen };
}

/**
 * Asks whether the group that the stack gives to the function may do what the function does. That the function is in it is
 * the stack's doing; who asks has to be somebody whom the cluster lets ask.
 */
async function askFunctionRights(
  { name, target, namespaces }: EksCluster,
  path: SettingsPath,
): Promise<OnlineInspection> {
  const group = `tidegate:${target.profile}`;
  const wanted = target.profile === 'platform' ? EVERYTHING : workloadRights(namespaces ?? []);
  const eks = new EKSClient({ region: target.region });
  try {
    const credentials = eks.config.credentials;
    const connection = eksConnection({ ...target, credentials, now: () => Date.now() });
    const options = { version: VERSION, group };
    const { serverVersion, denied } = await inspectCluster(connection, [...OWN_RIGHTS, ...wanted], options);
    const subject = `Kubernetes ${serverVersion} at ${target.endpoint}`;
    if (denied.length === 0) {
      return { findings: [], seen: [`cluster ${name}: ${subject}; group ${group} of its function has its rights`] };
    }
    const file = `infra/rbac/${target.profile}.yaml`;
    const message = `group ${group} of its function may not ${describeRights(denied)}; apply ${file} to the cluster`;
    return { findings: [{ path: [...path, 'profile'], message }], seen: [`cluster ${name}: ${subject}`] };
  } catch (error) {
    return {
      findings: [],
      seen: [`cluster ${name}: the rights of its function could not be asked about: ${whyUnasked(error)}`],
    };
  } finally {
    eks.destroy();
  }
}

function whyUnasked(error: unknown): string {
  if (!(error instanceof KubernetesApiError)) return describeError(error);
  switch (error.status.code) {
    case 401:
      return 'the cluster does not know the AWS credentials of this machine; give them an access entry, or ask with others';
    case 403:
      return 'the AWS credentials of this machine may not create subjectaccessreviews in it; ask with others';
    default:
      return describeError(error);
  }
}

async function askEks(cluster: EksCluster, index: number): Promise<OnlineInspection> {
  const { name, target } = cluster;
  const path = ['clusters', index, 'eks'];
  try {
    const found = await describeEksCluster(target);
    const subject = nameEksCluster(target);
    const account = accountOfRole(target.roleArn);
    if (account !== undefined && found?.account !== account) {
      const why = `${subject} was not asked: it is of account ${account}, and the AWS credentials of this machine are of another`;
      return { findings: [], seen: [`cluster ${name}: ${why}`] };
    }
    if (found === undefined) {
      const message = whyMissing(target, 'see `aws eks list-clusters`');
      return { findings: [{ path: [...path, 'name'], message }], seen: [] };
    }
    const verdict = judgeEksCluster(cluster, found, path, Date.now());
    const findings = [
      ...verdict.findings,
      ...checkNetwork(target, found.network, subject).map(({ at, message }) => ({ path: [...path, ...at], message })),
    ];
    const rights = await askFunctionRights(cluster, path);
    const warnings = verdict.warnings.map((text) => `cluster ${name}: warning: ${text}`);
    const seen = [`cluster ${name}: ${subject}`, ...warnings, ...rights.seen];
    return { findings: [...findings, ...rights.findings], seen };
  } catch (error) {
    return { findings: [{ path, message: describeError(error) }], seen: [] };
  }
}

/** What of the settings does not fit how EKS lets the function reach the API server. */
function checkNetwork(
  { vpc }: EksCluster['target'],
  network: EksNetwork,
  subject: string,
): readonly { readonly at: SettingsPath; readonly message: string }[] {
  if (vpc === undefined) {
    const access = decideEndpointAccess(network);
    if (access.outcome === 'public') return [];
    const why = access.outcome === 'unreachable' ? access.reason : `is reached from ${network.vpc} alone; allowed: vpc`;
    return [{ at: ['endpoint'], message: `${subject} ${why}` }];
  }
  const { clusterSecurityGroup: group } = vpc;
  if (group === undefined || group === network.clusterSecurityGroup) return [];
  const found = network.clusterSecurityGroup ?? 'nothing';
  return [{ at: ['vpc', 'clusterSecurityGroup'], message: `is not what EKS says of ${subject}: ${found}` }];
}

function tryTo<Value>(attempt: () => Value): Value | undefined {
  try {
    return attempt();
  } catch {
    return undefined;
  }
}
