import type { EksCluster } from './eks-clusters.ts';

/** The group that RBAC knows the function of a cluster by: `infra/rbac/*.yaml` bind it. */
export function accessGroup({ profile }: Pick<EksCluster['target'], 'profile'>): string {
  return `tidegate:${profile}`;
}

/**
 * The command that lets a role into a cluster. The entry goes with the cluster when that is deleted, and CloudFormation,
 * which made it, sees no change in a cluster that is built anew under its name.
 */
export function accessEntryCommand(target: EksCluster['target'], principalArn: string): string {
  return `aws eks create-access-entry --region ${target.region} --cluster-name ${target.name} --principal-arn ${principalArn} --kubernetes-groups ${accessGroup(target)} --type STANDARD`;
}
