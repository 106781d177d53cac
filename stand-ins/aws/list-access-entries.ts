import { DescribeAccessEntryCommand, EKSClient, ListAccessEntriesCommand } from '@aws-sdk/client-eks';

import type { AccessEntry } from '#stand-ins/kubernetes/eks-token-webhook.ts';

import type { RunningMoto } from './start-moto.ts';

/** Whom the EKS of moto lets into a cluster; nobody, while there is no cluster of that name. */
export async function listAccessEntries(moto: RunningMoto, clusterName: string): Promise<readonly AccessEntry[]> {
  const eks = new EKSClient({ endpoint: moto.url, region: moto.region, credentials: moto.credentials });
  try {
    const { accessEntries: arns = [] } = await eks.send(new ListAccessEntriesCommand({ clusterName }));
    return await Promise.all(
      arns.map(async (principalArn) => {
        const { accessEntry } = await eks.send(new DescribeAccessEntryCommand({ clusterName, principalArn }));
        return { principalArn, kubernetesGroups: accessEntry?.kubernetesGroups ?? [] };
      }),
    );
  } catch (error) {
    if (error instanceof Error && error.name === 'ResourceNotFoundException') return [];
    throw error;
  } finally {
    eks.destroy();
  }
}
