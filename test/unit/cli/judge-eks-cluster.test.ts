import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

import { judgeEksCluster } from '#cli/judge-eks-cluster.ts';
import type { EksClusterDescription } from '#shared/ports/describe-eks-cluster.ts';
import type { EksCluster } from '#shared/settings/eks-clusters.ts';

const [OUTGOING, SUCCESSOR, OTHER] = ['outgoing', 'successor', 'other'].map((name) =>
  readFileSync(join(import.meta.dirname, '../../fixtures/certificates', `${name}.pem`), 'utf8'),
) as [string, string, string];
const NOW = Date.parse('2030-01-01T00:00:00Z');
const ENDPOINT = 'https://0123456789ABCDEF.gr7.eu-west-1.eks.amazonaws.com';

function bundle(...certificates: readonly string[]): string {
  return Buffer.from(certificates.join('')).toString('base64');
}

function clusterOf(target: Partial<EksCluster['target']> = {}): EksCluster {
  return {
    name: 'production',
    path: './clusters/production',
    pruneGuard: { maxObjects: 5, maxPercent: 20 },
    target: {
      kind: 'eks',
      name: 'prod',
      region: 'eu-west-1',
      endpoint: ENDPOINT,
      certificateAuthority: bundle(OUTGOING),
      profile: 'platform',
      ...target,
    },
  };
}

function foundOf(changes: Partial<EksClusterDescription> = {}): EksClusterDescription {
  const network = {
    vpc: 'vpc-1',
    subnets: [],
    publicAccess: true,
    publicAccessCidrs: ['0.0.0.0/0'],
    privateAccess: false,
  };
  return {
    status: 'ACTIVE',
    authenticationMode: 'API',
    endpoint: ENDPOINT,
    certificateAuthority: bundle(OUTGOING),
    network,
    ...changes,
  };
}

it.each<[string, Partial<EksClusterDescription>, number, readonly (readonly [string, RegExp])[]]>([
  ['a cluster as the settings say', {}, NOW, []],
  ['a cluster under update, as in a rotation', { status: 'UPDATING' }, NOW, []],
  [
    'a cluster that was built anew',
    { endpoint: 'https://b.eks.amazonaws.com', certificateAuthority: bundle(OTHER) },
    NOW,
    [
      ['clusters.0.eks.endpoint', /https:\/\/b\.eks.*; run `tidegate cluster refresh production`$/u],
      [
        'clusters.0.eks.certificateAuthority',
        /built anew, or is another one; run `tidegate cluster refresh production`$/u,
      ],
    ],
  ],
  [
    'a certificate authority with a successor',
    { certificateAuthority: bundle(OUTGOING, SUCCESSOR) },
    NOW,
    [['clusters.0.eks.certificateAuthority', /lacks the successor .*\(until 2046-.*; run `tidegate cluster refresh/u]],
  ],
  [
    'a certificate authority that ends soon',
    {},
    Date.parse('2036-10-01T00:00:00Z'),
    [['clusters.0.eks.certificateAuthority', /^ends on 2036-/u]],
  ],
  [
    'a cluster that is deleted',
    { status: 'DELETING' },
    NOW,
    [['clusters.0.eks.name', /is DELETING; allowed: ACTIVE, UPDATING; look at it/u]],
  ],
  [
    'a cluster without access entries',
    { authenticationMode: 'CONFIG_MAP' },
    NOW,
    [
      [
        'clusters.0.eks.name',
        /knows no access entries; .*run `aws eks update-cluster-config --region eu-west-1 --name prod /u,
      ],
    ],
  ],
])('names what of %s does not fit', (_words, changes, now, expected) => {
  const { findings } = judgeEksCluster(clusterOf(), foundOf(changes), ['clusters', 0, 'eks'], now);

  expect(findings.map(({ path }) => path.join('.'))).toEqual(expected.map(([path]) => path));
  for (const [index, [, says]] of expected.entries()) expect(findings[index]?.message).toMatch(says);
});

it('warns of an outgoing certificate authority whose successor the settings have, and of another VPC', () => {
  const both = bundle(OUTGOING, SUCCESSOR);
  const vpc = { id: 'vpc-2', subnets: ['subnet-1'], routeTables: [], reachesSts: false };
  const cluster = clusterOf({ certificateAuthority: both, vpc });

  const verdict = judgeEksCluster(
    cluster,
    foundOf({ certificateAuthority: both }),
    ['clusters', 0, 'eks'],
    Date.parse('2036-10-01T00:00:00Z'),
  );

  expect(verdict.findings).toEqual([]);
  expect(verdict.warnings).toEqual([
    expect.stringMatching(/^its certificate authority: one ends on 2036-.*its successor is trusted until 2046-/u),
    expect.stringMatching(/^it is in vpc-1, and its function in vpc-2/u),
  ]);
});
