import type { AuthenticationMode, EKSClient, VpcConfigRequest } from '@aws-sdk/client-eks';
import { CreateClusterCommand } from '@aws-sdk/client-eks';

import { MOTO_ACCOUNT } from '#stand-ins/aws/start-moto.ts';

/** What people do to EKS: a cluster of a name, with access entries unless it says otherwise. */
export async function createEksCluster(
  eks: EKSClient,
  name: string,
  { mode = 'API', access = {} }: { readonly mode?: AuthenticationMode; readonly access?: VpcConfigRequest } = {},
): Promise<void> {
  await eks.send(
    new CreateClusterCommand({
      name,
      roleArn: `arn:aws:iam::${MOTO_ACCOUNT}:role/eks`,
      resourcesVpcConfig: { subnetIds: ['subnet-0123456789abcdef0'], ...access },
      accessConfig: { authenticationMode: mode },
    }),
  );
}

/** Settings with one cluster, production, which EKS knows as prod; the certificate authority in base64. */
export function describeProduction(eks: {
  readonly region: string;
  readonly endpoint: string | undefined;
  readonly certificateAuthority: string | undefined;
}): string {
  return [
    'configRepository: { url: "https://github.com/acme/fleet-infra" }   # ours',
    'clusters:',
    '  - name: production',
    '    path: ./clusters/production',
    '    eks:',
    '      name: prod',
    `      region: ${eks.region}`,
    `      endpoint: "${eks.endpoint}"   # as EKS says`,
    `      certificateAuthority: ${eks.certificateAuthority}`,
    '',
  ].join('\n');
}
