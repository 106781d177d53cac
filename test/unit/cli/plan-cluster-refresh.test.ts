import { describe, expect, it } from 'vitest';

import { findClusterToRefresh, planClusterRefresh } from '#cli/plan-cluster-refresh.ts';
import type { EksClusterDescription } from '#shared/ports/describe-eks-cluster.ts';

const FILE = 'tidegate.yaml';
const OLD = 'https://OLD.gr7.eu-west-1.eks.amazonaws.com';
const NEW = 'https://NEW.gr7.eu-west-1.eks.amazonaws.com';

/** Settings with the cluster's values written in some style. */
function settings(eks: string): string {
  return [
    '# Fleet of acme',
    'configRepository: { url: "https://github.com/acme/fleet-infra" }',
    'clusters:',
    '    - name: laptop      # at home',
    '      path: ./clusters/laptop',
    '      kubeconfig: { context: kind-dev }',
    '    - name: production',
    '      path: ./clusters/production   # the one',
    ...eks.split('\n').map((line) => `      ${line}`),
    '',
  ].join('\n');
}

const BLOCK = `eks:\n    name:   prod\n    region: eu-west-1\n    endpoint: ${OLD}   # since May\n    certificateAuthority: AAAA`;

function foundOf(changes: Partial<EksClusterDescription> = {}): EksClusterDescription {
  return {
    status: 'ACTIVE',
    account: '123456789012',
    authenticationMode: 'API_AND_CONFIG_MAP',
    endpoint: NEW,
    certificateAuthority: 'BBBB',
    network: {
      vpc: 'vpc-0123456789abcdef0',
      subnets: ['subnet-0123456789abcdef0'],
      clusterSecurityGroup: 'sg-0123456789abcdef1',
      publicAccess: true,
      publicAccessCidrs: ['0.0.0.0/0'],
      privateAccess: true,
    },
    ...changes,
  };
}

function plan(text: string, found: EksClusterDescription | undefined = foundOf(), principal?: string) {
  const cluster = findClusterToRefresh(text, FILE, 'production');
  if (cluster.outcome === 'refused') return cluster;
  return planClusterRefresh(text, FILE, cluster, found, principal);
}

describe('a cluster that was built anew', () => {
  it.each([
    ['a line a value', BLOCK],
    ['in braces', `eks: { name: prod, region: eu-west-1, endpoint: "${OLD}", certificateAuthority: 'AAAA' }`],
    [
      'before what else is said',
      `eks:\n    certificateAuthority: AAAA\n    endpoint: ${OLD}\n    name: prod\n    region: eu-west-1`,
    ],
  ])('has its endpoint and certificate authority replaced, and no other byte: %s', (_style, eks) => {
    const text = settings(eks);

    const planned = plan(text);

    expect(planned).toMatchObject({ outcome: 'planned', changed: ['endpoint', 'certificateAuthority'] });
    expect(planned.outcome === 'planned' && planned.text).toBe(text.replace(OLD, NEW).replace('AAAA', 'BBBB'));
  });

  it('has a certificate authority of several lines replaced by one line', () => {
    const eks = `eks:\n    certificateAuthority: |-\n        AAAA\n    endpoint: ${OLD}\n    name: prod\n    region: eu-west-1`;

    const planned = plan(settings(eks));

    expect(planned.outcome === 'planned' && planned.text).toContain(
      `certificateAuthority: BBBB\n          endpoint: ${NEW}\n`,
    );
  });

  it('keeps its text, with what to write, where a value is one of several places', () => {
    const eks = `eks:\n    name: prod\n    region: eu-west-1\n    endpoint: &it ${OLD}\n    certificateAuthority: AAAA`;

    expect(plan(settings(eks))).toEqual({
      outcome: 'refused',
      problems: [expect.stringContaining(`write it by hand below clusters[1].eks: {"endpoint":"${NEW}"`)],
    });
  });

  it('has its security group replaced where the settings name one, and hears of another VPC', () => {
    const vpc =
      'vpc: { id: vpc-0123456789abcdef1, subnets: [ subnet-0123456789abcdef1 ], clusterSecurityGroup: sg-00000000 }';
    const text = settings(`${BLOCK}\n    ${vpc}`);

    const planned = plan(text);

    expect(planned).toMatchObject({
      changed: ['endpoint', 'certificateAuthority', 'vpc.clusterSecurityGroup'],
      notes: [expect.stringContaining('built anew'), expect.stringContaining('it is in vpc-0123456789abcdef0 now')],
    });
    expect(planned.outcome === 'planned' && planned.text).toContain('clusterSecurityGroup: sg-0123456789abcdef1 }');
  });

  it('is let in, given its rights and deployed by commands, in this order', () => {
    const role = 'arn:aws:iam::123456789012:role/tidegate-eu-west-1-Reconcile';

    expect(plan(settings(BLOCK), foundOf(), role)).toMatchObject({
      commands: [
        `aws eks create-access-entry --region eu-west-1 --cluster-name prod --principal-arn ${role} --kubernetes-groups tidegate:platform --type STANDARD`,
        'aws eks update-kubeconfig --region eu-west-1 --name prod',
        'kubectl apply -f infra/rbac/platform.yaml',
        'npx cdk deploy',
      ],
    });
  });
});

it('a cluster of which EKS says what the settings say is left as it is, and not deployed', () => {
  const text = settings(BLOCK);

  const planned = plan(text, foundOf({ endpoint: OLD, certificateAuthority: 'AAAA' }));

  expect(planned).toMatchObject({ outcome: 'planned', text, changed: [], notes: [] });
  expect(planned.outcome === 'planned' && planned.commands).not.toContain('npx cdk deploy');
});

it.each<[string, string, EksClusterDescription | undefined, RegExp]>([
  ['that is not there', BLOCK, undefined, /^EKS cluster prod in eu-west-1 does not exist in this account; build it/u],
  ['that is being made', BLOCK, foundOf({ status: 'CREATING' }), /is CREATING; allowed: ACTIVE, UPDATING; wait/u],
  [
    'that is being deleted',
    BLOCK,
    foundOf({ status: 'DELETING' }),
    /is DELETING; allowed: ACTIVE, UPDATING; look at it with `aws eks describe-cluster`$/u,
  ],
  [
    'without access entries',
    BLOCK,
    foundOf({ authenticationMode: 'CONFIG_MAP' }),
    /run `aws eks update-cluster-config --region eu-west-1 --name prod --access-config .*it cannot be taken back/u,
  ],
  [
    'of the same name in another account than the role',
    `${BLOCK}\n    roleArn: arn:aws:iam::210987654321:role/tidegate`,
    foundOf(),
    /is one of account 123456789012 here.*is of account 210987654321; ask with credentials of that account/u,
  ],
])('a cluster %s is refused, with what to do', (_words, eks, found, says) => {
  const planned = planOf(eks, found);

  expect(planned).toMatchObject({ outcome: 'refused', problems: [expect.stringMatching(says)] });
});

function planOf(eks: string, found: EksClusterDescription | undefined) {
  const text = settings(eks);
  const cluster = findClusterToRefresh(text, FILE, 'production');
  return cluster.outcome === 'refused' ? cluster : planClusterRefresh(text, FILE, cluster, found, undefined);
}

it.each([
  ['production2', /found no cluster "production2"; allowed: production; did you mean production\?$/u],
  ['laptop', /cluster "laptop" is reached by a kubeconfig/u],
])('there is nothing to read anew of %s', (name, says) => {
  expect(findClusterToRefresh(settings(BLOCK), FILE, name)).toMatchObject({
    outcome: 'refused',
    problems: [expect.stringMatching(says)],
  });
});
