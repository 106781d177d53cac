import { formatProblem } from '#shared/common/problem.ts';
import { suggestName } from '#shared/common/suggest-name.ts';
import type { EksClusterDescription } from '#shared/ports/describe-eks-cluster.ts';
import { accessEntryCommand } from '#shared/settings/access-entry-command.ts';
import { compareBundles } from '#shared/settings/certificate-bundle.ts';
import type { EksCluster } from '#shared/settings/eks-clusters.ts';
import { eksClusters } from '#shared/settings/eks-clusters.ts';
import { parseSettings } from '#shared/settings/parse-settings.ts';
import { accountOfRole } from '#shared/settings/role-arn.ts';
import type { Settings } from '#shared/settings/settings.ts';

import { acceptEdit } from './accept-edit.ts';
import type { ClusterValues } from './edit-settings.ts';
import { replaceClusterValues } from './edit-settings.ts';
import type { Refusal, UsableEksCluster } from './refuse-eks-cluster.ts';
import { nameEksCluster, refuse, refuseEksCluster } from './refuse-eks-cluster.ts';

/** The cluster of the settings that is to be read anew. */
export type FoundCluster =
  { readonly outcome: 'found'; readonly cluster: EksCluster; readonly index: number } | Refusal;

export type ClusterRefresh =
  | {
      readonly outcome: 'planned';
      readonly text: string;
      /** Keys below `eks` that EKS says something else of. */
      readonly changed: readonly string[];
      readonly notes: readonly string[];
      /** What a person does next, each a command. */
      readonly commands: readonly string[];
    }
  | Refusal;

/** Finds the cluster by its name in Tidegate. */
export function findClusterToRefresh(text: string, file: string, name: string): FoundCluster {
  const parsed = parseSettings(text, file);
  if (parsed.outcome === 'invalid') return refuse(...parsed.problems.map(formatProblem));
  const { clusters } = parsed.settings;
  const index = clusters.findIndex((one) => one.name === name);
  const cluster = eksClusters(parsed.settings).find((one) => one.name === name);
  if (cluster !== undefined) return { outcome: 'found', cluster, index };
  return refuse(`${file}: ${index >= 0 ? describeOther(name) : describeUnknown(name, parsed.settings)}`);
}

function describeOther(name: string): string {
  return `cluster ${JSON.stringify(name)} is reached by a kubeconfig; allowed: one with eks, which alone AWS knows`;
}

function describeUnknown(name: string, settings: Settings): string {
  const names = eksClusters(settings).map((one) => one.name);
  const similar = suggestName(name, names);
  const hint = similar === undefined ? '' : `; did you mean ${similar}?`;
  return `found no cluster ${JSON.stringify(name)}; allowed: ${names.join(', ') || 'none, no cluster has eks'}${hint}`;
}

/**
 * Decides what of a cluster's settings is to be read anew, and what is lost besides when it was built anew: the access
 * entry and the rights, which lie in it.
 * @param principal who is let in, as far as that is known: the role of the settings, or what a person named.
 */
export function planClusterRefresh(
  text: string,
  file: string,
  { cluster, index }: Pick<FoundCluster & { outcome: 'found' }, 'cluster' | 'index'>,
  described: EksClusterDescription | undefined,
  principal: string | undefined,
): ClusterRefresh {
  const { name, target } = cluster;
  const elsewhere = described === undefined ? undefined : whyOtherAccount(cluster, described);
  if (elsewhere !== undefined) return refuse(elsewhere);
  const judged = refuseEksCluster(target, described, `build it, or correct eks.name of cluster ${name}`);
  if (judged.outcome === 'refused') return judged;
  const { found } = judged;
  const values = changedValues(cluster, found);
  const byHand = `write it by hand below clusters[${index}].eks: ${JSON.stringify(values)}`;
  const edited = acceptEdit(file, replaceClusterValues(text, index, values), byHand);
  if (edited.outcome === 'refused') return edited;
  const { vpc, ...own } = values;
  const changed = [...Object.keys(own), ...Object.keys(vpc ?? {}).map((key) => `vpc.${key}`)];
  return {
    outcome: 'planned',
    text: edited.text,
    changed,
    notes: [...noteCertificates(cluster, found), ...noteNetwork(cluster, found)],
    commands: nextCommands(cluster, changed, principal),
  };
}

function whyOtherAccount({ target }: EksCluster, { account }: EksClusterDescription): string | undefined {
  const wanted = accountOfRole(target.roleArn);
  if (wanted === undefined || account === undefined || wanted === account) return undefined;
  return `${nameEksCluster(target)} is one of account ${account} here, and the role ${target.roleArn} is of account ${wanted}; ask with credentials of that account`;
}

function changedValues({ target }: EksCluster, found: UsableEksCluster): ClusterValues {
  const { endpoint, certificateAuthority, network } = found;
  const [group, known] = [network.clusterSecurityGroup, target.vpc?.clusterSecurityGroup];
  return {
    ...(endpoint === target.endpoint ? {} : { endpoint }),
    ...(certificateAuthority === target.certificateAuthority ? {} : { certificateAuthority }),
    ...(group === undefined || known === undefined || group === known ? {} : { vpc: { clusterSecurityGroup: group } }),
  };
}

function noteCertificates({ target }: EksCluster, { certificateAuthority }: UsableEksCluster): readonly string[] {
  switch (compareBundles(target.certificateAuthority, certificateAuthority).outcome) {
    case 'other':
      return ['its certificate authority is another one: the cluster was built anew'];
    case 'outdated':
      return ['its certificate authority has a successor: once the stack is deployed, both are trusted'];
    case 'surplus':
      return ['EKS gave up a certificate authority of the settings'];
    case 'same':
      return [];
  }
}

/** Subnets are a person's choice: they are not changed here. */
function noteNetwork({ target }: EksCluster, { network }: EksClusterDescription): readonly string[] {
  const { vpc } = target;
  if (vpc === undefined) return [];
  if (network.vpc !== '' && network.vpc !== vpc.id) {
    return [
      `it is in ${network.vpc} now, and its function in ${vpc.id}: correct eks.vpc, with subnets that reach it (EKS names ${network.subnets.join(', ')})`,
    ];
  }
  const { clusterSecurityGroup: group } = network;
  return group === undefined || vpc.clusterSecurityGroup !== undefined
    ? []
    : [`add clusterSecurityGroup: ${group} to eks.vpc, so that the stack lets its function in there`];
}

function nextCommands({ name, target }: EksCluster, changed: readonly string[], principal?: string): readonly string[] {
  const { region, name: eksName, profile } = target;
  return [
    accessEntryCommand(target, principal ?? `<the ReconcileRole output of cluster ${name}>`),
    `aws eks update-kubeconfig --region ${region} --name ${eksName}`,
    `kubectl apply -f infra/rbac/${profile}.yaml`,
    ...(changed.length === 0 ? [] : ['npx cdk deploy']),
  ];
}
