import { describe, expect, it } from 'vitest';

import { checkWantedCluster, planClusterAddition } from '#cli/plan-cluster-addition.ts';
import type { EksClusterDescription } from '#shared/ports/describe-eks-cluster.ts';

const SETTINGS = `configRepository: { url: "https://github.com/acme/fleet-infra" }
github: { appId: 12345 }
clusters: []
`;
const WANTED = { name: 'production', path: './clusters/production', eksName: 'prod', region: 'eu-west-1' };
const FOUND: EksClusterDescription = {
  status: 'ACTIVE',
  authenticationMode: 'API',
  endpoint: 'https://A1.eks.amazonaws.com',
  certificateAuthority: 'LS0tLQ==',
  network: {
    vpc: 'vpc-0123456789abcdef0',
    subnets: ['subnet-0123456789abcdef0'],
    clusterSecurityGroup: 'sg-0123456789abcdef0',
    publicAccess: true,
    publicAccessCidrs: ['0.0.0.0/0'],
    privateAccess: true,
  },
};

function problemsWith(found: Partial<EksClusterDescription>): string {
  const plan = planClusterAddition(SETTINGS, 'tidegate.yaml', WANTED, { ...FOUND, ...found });
  return plan.outcome === 'refused' ? plan.problems.join('\n') : '';
}

describe('what is wrong before EKS is asked', () => {
  it('is said of each of 40,000 unknown keys too, in no more than a moment', () => {
    const keys = Array.from({ length: 40_000 }, (_, index) => `key${index}: 1\n`).join('');

    expect(checkWantedCluster(`${SETTINGS}${keys}`, 'tidegate.yaml', WANTED)).toHaveLength(40_000);
  });

  it('is a key that stands twice, at its place', () => {
    expect(checkWantedCluster(`${SETTINGS}github: {}\n`, 'tidegate.yaml', WANTED)).toEqual([
      'tidegate.yaml:4:1: not valid YAML: this key stands in its mapping twice',
    ]);
  });

  it.each([
    ['cn-north-1', 'is in China (aws-cn, addresses below amazonaws.com.cn)'],
    ['eusc-de-east-1', 'is in the AWS European Sovereign Cloud (aws-eusc, addresses below amazonaws.eu)'],
    ['us-iso-east-1', 'is in an isolated partition (aws-iso, addresses below c2s.ic.gov)'],
  ])('is a region to which no stack is deployed: %s', (region, why) => {
    expect(checkWantedCluster(SETTINGS, 'tidegate.yaml', { ...WANTED, region })).toEqual([
      expect.stringContaining(`--region: found "${region}", which ${why}`),
    ]);
  });
});

describe('adding a cluster that EKS describes', () => {
  it.each([
    ['ACTIVE', 'API'],
    ['ACTIVE', 'API_AND_CONFIG_MAP'],
    // It goes on working meanwhile.
    ['UPDATING', 'API'],
  ])('takes one that is %s with authentication mode %s', (status, authenticationMode) => {
    expect(problemsWith({ status, authenticationMode })).toBe('');
  });

  it.each([
    ['CREATING', 'wait until it is'],
    ['PENDING', 'wait until it is'],
    ['DELETING', 'look at it'],
    ['FAILED', 'look at it'],
  ])('refuses one that is %s and says what to do', (status, advice) => {
    expect(problemsWith({ status })).toContain(
      `EKS cluster prod in eu-west-1 is ${status}; allowed: ACTIVE, UPDATING; ${advice}`,
    );
  });

  it('refuses authentication mode CONFIG_MAP with the command that changes it', () => {
    expect(problemsWith({ authenticationMode: 'CONFIG_MAP' })).toContain(
      '`aws eks update-cluster-config --region eu-west-1 --name prod --access-config authenticationMode=API_AND_CONFIG_MAP`',
    );
  });

  it('refuses what EKS says when the settings would not read it', () => {
    expect(problemsWith({ endpoint: 'http://plain.example.com' })).toContain('clusters[0].eks.endpoint: found');
    expect(problemsWith({ certificateAuthority: 'not base64!' })).toContain('clusters[0].eks.certificateAuthority');
  });
});
