import { partitionOf, whyNotDeployable } from './aws-regions.ts';
import { formatClusterFile } from './cluster-file.ts';
import { ecrPushPattern } from './ecr-push-pattern.ts';
import type { Finding, SettingsPath } from './settings-places.ts';
import type { Settings } from './settings.ts';

/** Beside the code there is room for more, but what is longer is a mistake: an EKS cluster has two certificate authorities at most. */
const MAX_CLUSTER_FILE_BYTES = 64 * 1024;

/** EventBridge takes patterns of 2,048 characters. */
const MAX_PATTERN_LENGTH = 2_000;

/** The policy of a queue may have 8,192 bytes, that of an event bus 10,240; each registry needs its place in both. */
const MAX_REGISTRIES = 30;

/**
 * A role may have ten managed policies of 6,144 characters each; what `image-update` may read besides registries takes two,
 * and not every one is filled to the last.
 */
const MAX_REGISTRY_PERMISSIONS = 40_000;

/** CloudFormation takes 500 resources a stack: a private cluster is up to 20 of them, what all share is about 75. */
const MAX_CLUSTERS = 20;

/** Finds what is well-formed in `tidegate.yaml` but cannot be deployed to AWS. */
export function findUndeployableSettings(settings: Settings): readonly Finding[] {
  return [
    ...checkClusters(settings),
    ...checkRegions(settings),
    ...checkRoom(settings),
    ...checkServers(settings),
    ...checkClusterFiles(settings),
    ...checkRegistries(settings),
    ...checkSecrets(settings),
    ...checkNetworks(settings),
  ];
}

function checkClusters({ clusters }: Settings): readonly Finding[] {
  if (clusters.some(({ target }) => target.kind === 'eks')) return [];
  return [
    {
      path: ['clusters'],
      message:
        'found no cluster with eks; allowed: at least one, the others are for tidegate serve; a stack whose last cluster was taken out goes on until it is removed: aws cloudformation delete-stack --region <region> --stack-name tidegate-<region>',
    },
  ];
}

function checkRegions({ clusters, registries }: Settings): readonly Finding[] {
  const allowed = 'allowed: a commercial region such as eu-west-1, or one of AWS GovCloud (US)';
  const partitions = new Map<string, string>();
  const findings = clusters.flatMap(({ target }, index) => {
    if (target.kind !== 'eks') return [];
    const { region } = target;
    partitions.set(partitionOf(region), region);
    const why = whyNotDeployable(region);
    if (why === undefined) return [];
    return [{ path: ['clusters', index, 'eks', 'region'], message: `found "${region}", which ${why}; ${allowed}` }];
  });
  if (partitions.size === 0) return findings;
  const elsewhere = registries.ecr.flatMap(({ region }, index) => {
    const partition = partitionOf(region);
    if (partitions.has(partition)) return [];
    const [[, known = ''] = []] = partitions;
    const message = `found "${region}", which is in partition ${partition}, where no role of the clusters' partition reaches anything; allowed: a region of the same partition as ${known}`;
    return [{ path: ['registries', 'ecr', index, 'region'], message }];
  });
  return [...findings, ...elsewhere];
}

function checkRoom({ clusters }: Settings): readonly Finding[] {
  const counts = new Map<string, number>();
  return clusters.flatMap(({ target }, index) => {
    if (target.kind !== 'eks') return [];
    const count = (counts.get(target.region) ?? 0) + 1;
    counts.set(target.region, count);
    if (count !== MAX_CLUSTERS + 1) return [];
    return [
      {
        path: ['clusters', index, 'eks', 'region'],
        message: `found more than ${MAX_CLUSTERS} clusters in ${target.region}; allowed: ${MAX_CLUSTERS} a region and account, a stack of CloudFormation has no room for more; deploy the others from another account`,
      },
    ];
  });
}

/** Two names for one cluster would prune each other's objects: both have the same inventory in it. */
function checkServers({ clusters }: Settings): readonly Finding[] {
  const owners = new Map<string, string>();
  return clusters.flatMap(({ name, target }, index) => {
    if (target.kind !== 'eks') return [];
    const server = new URL(target.endpoint).host;
    const owner = owners.get(server);
    owners.set(server, owner ?? name);
    if (owner === undefined) return [];
    return [
      {
        path: ['clusters', index, 'eks', 'endpoint'],
        message: `found the API server of cluster "${owner}"; allowed: each cluster once, with one folder that names all that is in it`,
      },
    ];
  });
}

function checkClusterFiles(settings: Settings): readonly Finding[] {
  return settings.clusters.flatMap(({ target, ...cluster }, index) => {
    if (target.kind !== 'eks') return [];
    const bytes = Buffer.byteLength(formatClusterFile(settings, { ...cluster, target }));
    if (bytes <= MAX_CLUSTER_FILE_BYTES) return [];
    return [
      {
        path: ['clusters', index],
        message: `found values of ${bytes} bytes; allowed: ${MAX_CLUSTER_FILE_BYTES} for path, namespaces, approvePrune and eks together`,
      },
    ];
  });
}

function checkRegistries({ registries: { ecr } }: Settings): readonly Finding[] {
  const tooMany =
    ecr.length > MAX_REGISTRIES
      ? [
          {
            path: ['registries', 'ecr', MAX_REGISTRIES],
            message: `found ${ecr.length} entries; allowed: ${MAX_REGISTRIES}, policies of AWS have no room for more`,
          },
        ]
      : [];
  const tooLong = ecr.flatMap((registry, index) => {
    const { length } = JSON.stringify(ecrPushPattern(registry));
    if (length <= MAX_PATTERN_LENGTH) return [];
    return [
      {
        path: ['registries', 'ecr', index, 'repositories'],
        message: `found names that make a pattern of ${length} characters; allowed: ${MAX_PATTERN_LENGTH}, EventBridge takes no more; write a prefix such as team-a/*, or several entries of the same account and region`,
      },
    ];
  });
  return [...tooMany, ...tooLong, ...checkRegistryPermissions(ecr)];
}

/** One permission a name: so many characters, where the place in the policies of the role that reads them ends. */
function checkRegistryPermissions(ecr: Settings['registries']['ecr']): readonly Finding[] {
  let length = 0;
  const ends = ecr.map(({ account, region, repositories }) => {
    for (const repository of repositories) {
      const resource = `arn:aws:ecr:${region}:${account}:repository/${repository}`;
      length += JSON.stringify({ Action: 'ecr:DescribeImages', Effect: 'Allow', Resource: resource }).length + 1;
    }
    return length;
  });
  if (length <= MAX_REGISTRY_PERMISSIONS) return [];
  const index = ends.findIndex((end) => end > MAX_REGISTRY_PERMISSIONS);
  return [
    {
      path: ['registries', 'ecr', index, 'repositories'],
      message: `found names that, with those of the entries before, make permissions of ${ends[index] ?? length} characters; allowed: ${MAX_REGISTRY_PERMISSIONS} in all, the policies of one role of IAM have no room for more; write prefixes such as team-a/*`,
    },
  ];
}

function checkSecrets({ github, clusters }: Settings): readonly Finding[] {
  const { webhookSecret, privateKeySecret, tokenSecret } = github;
  const credential = privateKeySecret ?? tokenSecret ?? '';
  const ofSources = clusters.flatMap(({ name }, index) => {
    const secret = [webhookSecret, credential].find((one) => one.startsWith(`tidegate/${name}/`));
    if (secret === undefined) return [];
    return [
      {
        path: ['clusters', index, 'name'],
        message: `found "${name}", so that "${secret}" is one of the secrets that sources of the cluster name; allowed: another name, here or for the secret`,
      },
    ];
  });
  if (webhookSecret !== credential) return ofSources;
  return [
    ...ofSources,
    {
      path: ['github', 'webhookSecret'],
      message: `found "${webhookSecret}", which is the other secret's name too; allowed: a name of its own`,
    },
  ];
}

function checkNetworks({ clusters }: Settings): readonly Finding[] {
  const seen: NetworksSeen = { subnets: new Map(), routeTables: new Map(), groups: new Map() };
  const networks = clusters.flatMap(({ name, target }, index) =>
    target.kind === 'eks' && target.vpc !== undefined ? [{ name, index, target, vpc: target.vpc }] : [],
  );
  const withTables = new Map<string, string>();
  for (const { name, vpc } of networks) {
    if (vpc.routeTables.length > 0) for (const subnet of vpc.subnets) withTables.set(subnet, name);
  }
  return networks.flatMap(({ name, index, target, vpc }) => {
    const path = ['clusters', index, 'eks'];
    const findings: Finding[] = [
      ...checkPlaces([...path, 'vpc', 'subnets'], vpc.subnets, { vpc: vpc.id, name }, seen.subnets),
      ...checkPlaces([...path, 'vpc', 'routeTables'], vpc.routeTables, { vpc: vpc.id, name }, seen.routeTables),
    ];
    if (target.roleArn !== undefined && !vpc.reachesSts) {
      findings.push({
        path: [...path, 'roleArn'],
        message:
          'found a role to assume from inside a VPC, where STS is not reached by itself; allowed: eks.vpc.reachesSts: true, once the VPC has an interface endpoint for STS or NAT, or no roleArn',
      });
    }
    const shared = vpc.routeTables.length > 0 ? undefined : vpc.subnets.find((subnet) => withTables.has(subnet));
    if (shared !== undefined) {
      findings.push({
        path: [...path, 'vpc', 'subnets', vpc.subnets.indexOf(shared)],
        message: `found "${shared}", whose route table gets its endpoints for cluster "${withTables.get(shared) ?? ''}" alone, and would lose them with it; allowed: routeTables of this cluster's subnets here too, they may be the same`,
      });
    }
    const group = vpc.clusterSecurityGroup ?? '';
    const owner = group === '' ? undefined : seen.groups.get(group);
    if (group !== '') seen.groups.set(group, owner ?? name);
    if (owner !== undefined) {
      findings.push({
        path: [...path, 'vpc', 'clusterSecurityGroup'],
        message: `found "${group}", which is that of cluster "${owner}"; allowed: the one that EKS made for this cluster`,
      });
    }
    return findings;
  });
}

/** Where what was named first is, and by which cluster. */
type PlacesSeen = Map<string, { readonly vpc: string; readonly name: string }>;

interface NetworksSeen {
  readonly subnets: PlacesSeen;
  readonly routeTables: PlacesSeen;
  /** The cluster of each security group. */
  readonly groups: Map<string, string>;
}

/** Each subnet or route table once a cluster, and always in the same VPC: clusters may share them. */
function checkPlaces(
  path: SettingsPath,
  ids: readonly string[],
  whose: { readonly vpc: string; readonly name: string },
  seen: PlacesSeen,
): readonly Finding[] {
  const own = new Set<string>();
  return ids.flatMap((id, at) => {
    if (own.has(id)) {
      const each = path.at(-1) === 'subnets' ? 'subnet' : 'route table';
      return [{ path: [...path, at], message: `found "${id}" twice; allowed: each ${each} once` }];
    }
    own.add(id);
    const first = seen.get(id);
    seen.set(id, first ?? whose);
    if (first === undefined || first.vpc === whose.vpc) return [];
    const message = `found "${id}", which is in ${first.vpc} for cluster "${first.name}"; allowed: one of ${whose.vpc}`;
    return [{ path: [...path, at], message }];
  });
}
