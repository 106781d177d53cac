import { defined } from '#shared/common/defined.ts';
import { formatProblem } from '#shared/common/problem.ts';
import { suggestName } from '#shared/common/suggest-name.ts';
import type { EksClusterDescription } from '#shared/ports/describe-eks-cluster.ts';
import { AWS_REGIONS, whyNotDeployable } from '#shared/settings/aws-regions.ts';
import { parseSettings } from '#shared/settings/parse-settings.ts';

import { acceptEdit } from './accept-edit.ts';
import { decideEndpointAccess } from './decide-endpoint-access.ts';
import type { NewCluster } from './edit-settings.ts';
import { addCluster } from './edit-settings.ts';
import type { Refusal, UsableEksCluster } from './refuse-eks-cluster.ts';
import { nameEksCluster, refuse, refuseEksCluster } from './refuse-eks-cluster.ts';

/** What the person asked for. */
export interface WantedCluster {
  readonly name: string;
  readonly path: string;
  readonly eksName: string;
  readonly region: string;
  readonly profile?: 'platform' | 'workload';
  /** Where alone Tidegate may work: with the profile `workload`. */
  readonly namespaces?: readonly string[];
}

export type ClusterAddition =
  | {
      readonly outcome: 'planned';
      readonly cluster: NewCluster;
      readonly text: string;
      readonly notes: readonly string[];
    }
  | Refusal;

/** What is wrong before anybody asks EKS. */
export function checkWantedCluster(text: string, file: string, wanted: WantedCluster): readonly string[] {
  const { name, region } = wanted;
  if (!AWS_REGIONS.includes(region)) {
    const similar = suggestName(region, AWS_REGIONS);
    const hint = similar === undefined ? '' : `; did you mean ${similar}?`;
    return [`--region: found ${JSON.stringify(region)}; allowed: a region of AWS such as eu-west-1${hint}`];
  }
  const why = whyNotDeployable(region);
  if (why !== undefined) {
    return [`--region: found ${JSON.stringify(region)}, which ${why}; allowed: a region such as eu-west-1`];
  }
  if ((wanted.profile === 'workload') !== (wanted.namespaces !== undefined)) {
    return wanted.namespaces === undefined
      ? ['--profile: found workload without --namespace; allowed: with --namespace NAME for each namespace to work in']
      : ['--namespace: found without --profile workload; allowed: both or none, the profile platform works in all'];
  }
  // Everything else that could be wrong with the names is seen with values in the place of those that EKS has.
  const placeholder = { endpoint: 'https://eks.invalid', certificateAuthority: 'AAAA' };
  const parsed = parseSettings(text, file);
  // Of no field: the text as a whole cannot be read, so nothing is added to it.
  const unreadable = parsed.outcome === 'invalid' ? parsed.problems.filter(({ field }) => field === '') : [];
  if (unreadable.length > 0) return unreadable.map(formatProblem);
  const planned = writeCluster(text, file, toNewCluster(wanted, placeholder));
  if (planned.outcome === 'planned') return [];
  const known = parsed.outcome === 'valid' ? parsed.settings.clusters.find((one) => one.name === name) : undefined;
  if (known === undefined) return planned.problems;
  return [`${file}: cluster ${JSON.stringify(name)} is there already; give another name, or edit its entry`];
}

/** Decides whether Tidegate can deploy to a cluster that EKS describes, and how the settings then read. */
export function planClusterAddition(
  text: string,
  file: string,
  wanted: WantedCluster,
  described: EksClusterDescription | undefined,
): ClusterAddition {
  const eks = { name: wanted.eksName, region: wanted.region };
  const judged = refuseEksCluster(eks, described, 'name it with --eks-name, see `aws eks list-clusters`');
  if (judged.outcome === 'refused') return judged;
  const { found } = judged;
  const access = decideEndpointAccess(found.network);
  if (access.outcome === 'unreachable') {
    const update = `aws eks update-cluster-config --region ${eks.region} --name ${eks.name} --resources-vpc-config endpointPrivateAccess=true`;
    return refuse(`${nameEksCluster(eks)} ${access.reason}; run \`${update}\`, then this again`);
  }
  const cluster = toNewCluster(wanted, found);
  const planned = writeCluster(text, file, cluster);
  if (planned.outcome === 'refused' || access.outcome === 'public') return planned;
  const { vpc, subnets, clusterSecurityGroup } = access.network;
  const group = clusterSecurityGroup === undefined ? '' : `, clusterSecurityGroup: ${clusterSecurityGroup}`;
  const lines = `eks.vpc: { id: ${vpc}, subnets: [ ${subnets.join(', ')} ]${group} }`;
  const note = `its endpoint is private: add ${lines} to the cluster, with the subnets that reach it`;
  return { ...planned, notes: [...planned.notes, note] };
}

function writeCluster(text: string, file: string, cluster: NewCluster): ClusterAddition {
  const added = acceptEdit(file, addCluster(text, cluster), `add the cluster by hand: ${JSON.stringify(cluster)}`);
  if (added.outcome === 'refused') return added;
  const isFirst = added.settings.clusters.length === 1;
  const notes = isFirst ? ['next: npx cdk deploy, then tidegate github-app create'] : [];
  return { outcome: 'planned', cluster, text: added.text, notes };
}

function toNewCluster(
  { name, path, eksName, region, profile, namespaces }: WantedCluster,
  { endpoint, certificateAuthority }: Pick<UsableEksCluster, 'endpoint' | 'certificateAuthority'>,
): NewCluster {
  const scope = namespaces === undefined ? {} : { namespaces };
  return {
    name,
    path,
    ...scope,
    eks: { name: eksName, region, endpoint, certificateAuthority, ...defined({ profile }) },
  };
}
