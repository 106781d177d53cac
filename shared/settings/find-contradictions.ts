/** One place where settings that are fine by themselves do not go together. */
export interface Contradiction {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** Finds what does not go together, also in settings that have other mistakes, so that all are told at once. */
export function findContradictions(file: unknown): readonly Contradiction[] {
  const clusters = field(file, 'clusters');
  return [
    ...checkCredentials(field(file, 'github')),
    ...(Array.isArray(clusters)
      ? [...checkTargets(clusters), ...checkNames(clusters), ...checkProfiles(clusters)]
      : []),
  ];
}

function checkCredentials(github: unknown): readonly Contradiction[] {
  if (field(github, 'tokenSecret') === undefined) return [];
  const ofApp = ['appId', 'privateKeySecret'].filter((key) => field(github, key) !== undefined);
  return ofApp.map((key) => ({
    path: ['github', key],
    message: 'found tokenSecret too; allowed: a GitHub App (appId, privateKeySecret) or a token (tokenSecret)',
  }));
}

function checkTargets(clusters: readonly unknown[]): readonly Contradiction[] {
  return clusters.flatMap((cluster, index) => {
    if (typeof cluster !== 'object' || cluster === null) return [];
    const given = ['kubeconfig', 'eks'].filter((key) => field(cluster, key) !== undefined).length;
    if (given === 1) return [];
    const found = given === 0 ? 'neither' : 'both';
    return [{ path: ['clusters', index], message: `found ${found}; allowed: exactly one of kubeconfig and eks` }];
  });
}

/** What the access entry grants and what the run looks at have to be the same. */
function checkProfiles(clusters: readonly unknown[]): readonly Contradiction[] {
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

function checkNames(clusters: readonly unknown[]): readonly Contradiction[] {
  const seen = new Map<string, number>();
  return clusters.flatMap((cluster, index) => {
    const name = field(cluster, 'name');
    if (typeof name !== 'string') return [];
    const first = seen.get(name);
    if (first === undefined) {
      seen.set(name, index);
      return [];
    }
    const message = `found ${JSON.stringify(name.slice(0, 80))}, which clusters[${first}] has too; allowed: a name of its own`;
    return [{ path: ['clusters', index, 'name'], message }];
  });
}

function field(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined;
}
