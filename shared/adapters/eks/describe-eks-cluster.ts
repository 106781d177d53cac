import type { Cluster, VpcConfigResponse } from '@aws-sdk/client-eks';
import { DescribeClusterCommand } from '@aws-sdk/client-eks';

import { classifyAwsFailure, nameAwsFailure } from '#shared/adapters/aws/classify-aws-failure.ts';
import { defined } from '#shared/common/defined.ts';
import { TidegateError } from '#shared/common/tidegate-error.ts';
import type { DescribeEksCluster, EksClusterDescription, EksNetwork } from '#shared/ports/describe-eks-cluster.ts';

import { createEksClient } from './create-eks-client.ts';

/** Asks EKS with the credentials of the environment. */
export const describeEksCluster: DescribeEksCluster = async ({ region, name }) => {
  const client = createEksClient(region);
  try {
    const { cluster } = await client.send(new DescribeClusterCommand({ name }));
    return cluster === undefined ? undefined : toDescription(cluster);
  } catch (error) {
    if (classifyAwsFailure(error) === 'missing') return undefined;
    throw explainFailure(`EKS cluster ${name} in ${region}`, error);
  } finally {
    client.destroy();
  }
};

function toDescription(cluster: Cluster): EksClusterDescription {
  const { status = 'unknown', endpoint, certificateAuthority, accessConfig, resourcesVpcConfig } = cluster;
  const account = /^arn:[\w-]+:eks:[\w-]+:(\d{12}):/u.exec(cluster.arn ?? '')?.[1];
  return {
    status,
    ...defined({ account }),
    // Clusters older than access entries say nothing.
    authenticationMode: accessConfig?.authenticationMode ?? 'CONFIG_MAP',
    ...defined({ endpoint }),
    ...(certificateAuthority?.data === undefined ? {} : { certificateAuthority: certificateAuthority.data }),
    network: toNetwork(resourcesVpcConfig ?? {}),
  };
}

/** What is not said is what EKS does unless told otherwise. */
function toNetwork(config: VpcConfigResponse): EksNetwork {
  const { clusterSecurityGroupId } = config;
  return {
    vpc: config.vpcId ?? '',
    subnets: config.subnetIds ?? [],
    ...(clusterSecurityGroupId === undefined || clusterSecurityGroupId === ''
      ? {}
      : { clusterSecurityGroup: clusterSecurityGroupId }),
    publicAccess: config.endpointPublicAccess ?? true,
    publicAccessCidrs: config.publicAccessCidrs ?? ['0.0.0.0/0'],
    privateAccess: config.endpointPrivateAccess ?? false,
  };
}

function explainFailure(subject: string, cause: unknown): TidegateError {
  const word = nameAwsFailure(cause);
  if (word === 'CredentialsProviderError' || word === 'TokenProviderError') {
    return new TidegateError('AuthenticationFailed', `${subject}: no AWS credentials found; sign in to AWS first`, {
      disposition: 'stall',
      subject,
      cause,
    });
  }
  const message =
    classifyAwsFailure(cause) === 'denied'
      ? `${subject} may not be read (${word}): use credentials with eks:DescribeCluster on it`
      : `${subject} could not be read from EKS (${word}): try again`;
  return new TidegateError('EksUnreadable', message, { disposition: 'stall', subject, cause });
}
