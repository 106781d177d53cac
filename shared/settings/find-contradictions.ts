import type { Finding } from './settings-places.ts';

/** Finds what does not go together, also in settings that have other mistakes, so that all are told at once. */
export function findContradictions(file: unknown): readonly Finding[] {
  const clusters = field(file, 'clusters');
  return [
    ...checkCredentials(field(file, 'github')),
    ...(Array.isArray(clusters)
      ? [...checkTargets(clusters), ...checkNames(clusters), ...checkContexts(clusters), ...checkProfiles(clusters)]
      : []),
  ];
}

function checkCredentials(github: unknown): readonly Finding[] {
  if (field(github, 'tokenSecret') === undefined) return [];
  const ofApp = ['appId', 'privateKeySecret'].filter((key) => field(github, key) !== undefined);
  return ofApp.map((key) => ({
    path: ['github', key],
    message: 'found tokenSecret too; allowed: a GitHub App (appId, privateKeySecret) or a token (tokenSecret)',
  }));
}

function checkTargets(clusters: readonly unknown[]): readonly Finding[] {
  return clusters.flatMap((cluster, index) => {
    if (typeof cluster !== 'object' || cluster === null) return [];
    const given = ['kubeconfig', 'eks'].filter((key) => field(cluster, key) !== undefined).length;
    if (given === 1) return [];
    const found = given === 0 ? 'neither' : 'both';
    return [{ path: ['clusters', index], message: `found ${found}; allowed: exactly one of kubeconfig and eks` }];
  });
}

/** What the access entry grants and what the run looks at have to be the same. */
function checkProfiles(clusters: readonly unknown[]): readonly Finding[] {
  return clusters.flatMap((cluster, index) => {
    const eks = field(cluster, 'eks');
    const isWorkload = field(eks, 'profile') === 'workload';
    const isNamed = field(cluster, 'namespaces') !== undefined;
    if (eks === undefined || isWorkload === isNamed) return [];
    return isWorkload
      ? [
          {
            path: ['clusters', index, 'eks', 'profile'],
            message: `found "workload" without clusters[${index}].namespaces; allowed: with the list of namespaces that infra/rbac/workload.yaml binds`,
          },
        ]
      : [
          {
            path: ['clusters', index, 'namespaces'],
            message:
              'found namespaces for a cluster with profile platform; allowed: with eks.profile: workload, or none',
          },
        ];
  });
}

function checkNames(clusters: readonly unknown[]): readonly Finding[] {
  return findRepeated(clusters, (cluster) => field(cluster, 'name')).map(({ value, first, index }) => ({
    path: ['clusters', index, 'name'],
    message: `found ${JSON.stringify(value.slice(0, 80))}, which clusters[${first}] has too; allowed: a name of its own`,
  }));
}

/** Two names for one cluster would share its inventory, and prune what the other applied. */
function checkContexts(clusters: readonly unknown[]): readonly Finding[] {
  const contextOf = (cluster: unknown): unknown => {
    const [context, file] = ['context', 'file'].map((key) => field(field(cluster, 'kubeconfig'), key));
    return typeof context === 'string' ? JSON.stringify([context, file]) : undefined;
  };
  return findRepeated(clusters, contextOf).map(({ first, index }) => ({
    path: ['clusters', index, 'kubeconfig', 'context'],
    message: `found the context that clusters[${first}] has too; allowed: one name for each cluster, or each would prune what the other applies`,
  }));
}

interface Repeated {
  readonly value: string;
  /** Of the entry that has it first. */
  readonly first: number;
  readonly index: number;
}

function findRepeated(entries: readonly unknown[], valueOf: (entry: unknown) => unknown): readonly Repeated[] {
  const seen = new Map<string, number>();
  return entries.flatMap((entry, index) => {
    const value = valueOf(entry);
    if (typeof value !== 'string') return [];
    const first = seen.get(value);
    if (first !== undefined) return [{ value, first, index }];
    seen.set(value, index);
    return [];
  });
}

function field(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined;
}
