import { expect, test } from 'vitest';

import { formatClusterFile, parseClusterFile } from '#shared/settings/cluster-file.ts';
import { eksClusters } from '#shared/settings/eks-clusters.ts';
import { parseSettings } from '#shared/settings/parse-settings.ts';

const SETTINGS = `
installation: team-b
configRepository: { url: "https://github.com/acme/fleet-infra", branch: stable }
clusters:
  - name: production
    path: ./clusters/production
    namespaces: [ apps, team-b ]
    approvePrune: flux-system/apps=12
    pruneGuard: { maxObjects: 3, maxPercent: 1.0e-7 }
    eks:
      name: prod
      region: eu-west-1
      endpoint: https://0123456789ABCDEF.gr7.eu-west-1.eks.amazonaws.com
      certificateAuthority: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==
      profile: workload
      roleArn: arn:aws:iam::210987654321:role/tidegate
      vpc: { id: vpc-0123456789abcdef0, subnets: [ subnet-0123456789abcdef0 ], reachesSts: true }
  - name: staging
    path: ./clusters/staging
    eks: { name: staging, region: eu-west-1, endpoint: "https://staging", certificateAuthority: AAAA }
`;

function fileOf(name: string): string {
  const parsed = parseSettings(SETTINGS, 'tidegate.yaml');
  if (parsed.outcome === 'invalid') throw new Error(JSON.stringify(parsed.problems));
  const cluster = eksClusters(parsed.settings).find((one) => one.name === name);
  if (cluster === undefined) throw new Error(`no cluster ${name}`);
  return formatClusterFile(parsed.settings, cluster);
}

test('a reconcile reads of its file what the settings say of its cluster', () => {
  expect(parseClusterFile(fileOf('production'))).toEqual({
    installation: 'team-b',
    configRepository: { url: 'https://github.com/acme/fleet-infra', branch: 'stable' },
    cluster: {
      name: 'production',
      path: './clusters/production',
      namespaces: ['apps', 'team-b'],
      approvePrune: 'flux-system/apps=12',
      pruneGuard: { maxObjects: 3, maxPercent: 1e-7 },
    },
    eks: {
      name: 'prod',
      region: 'eu-west-1',
      endpoint: 'https://0123456789ABCDEF.gr7.eu-west-1.eks.amazonaws.com',
      certificateAuthority: 'LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==',
      roleArn: 'arn:aws:iam::210987654321:role/tidegate',
    },
  });
});

test('it says nothing of another cluster, and what the settings leave out is absent', () => {
  expect(fileOf('production')).not.toContain('staging');
  const { cluster, eks } = parseClusterFile(fileOf('staging'));
  expect(Object.keys(cluster)).toEqual(['name', 'path', 'pruneGuard']);
  expect(Object.keys(eks)).not.toContain('roleArn');
});

test.each(['', '{}', 'null', '{"installation":"a"}'])(
  'what is not of this version is refused, with what to do: %j',
  (text) => {
    expect(() => parseClusterFile(text)).toThrow('deploy the stack again');
  },
);
