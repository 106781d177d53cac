import type { VpcConfigRequest } from '@aws-sdk/client-eks';
import { DescribeClusterCommand, EKSClient } from '@aws-sdk/client-eks';
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { parseSettings } from '#shared/settings/parse-settings.ts';
import type { RunningMoto } from '#stand-ins/aws/start-moto.ts';
import { startMoto } from '#stand-ins/aws/start-moto.ts';

import { createEksCluster } from './eks-fixture.ts';
import { outcomeOf, startCommand } from './start-command.ts';

const SETTINGS = `# Fleet of acme
configRepository: { url: "https://github.com/acme/fleet-infra" }
github:   { appId: 12345 }   # ours
clusters:
    - name: laptop      # at home
      path: ./clusters/laptop
      kubeconfig: { context: kind-dev }
    # production comes next

serve:
  port: 0
`;

let moto: RunningMoto;
let eks: EKSClient;

beforeAll(async () => {
  moto = await startMoto();
  eks = new EKSClient({ endpoint: moto.url, region: moto.region, credentials: moto.credentials });
  await createEksCluster(eks, 'prod', { mode: 'API_AND_CONFIG_MAP' });
  await createEksCluster(eks, 'closed', { access: CLOSED });
  await createEksCluster(eks, 'hardened', { access: { ...OPEN_TO_SOME, endpointPrivateAccess: true } });
  await createEksCluster(eks, 'fenced', { access: OPEN_TO_SOME });
  await createEksCluster(eks, 'old', { mode: 'CONFIG_MAP' });
});

afterAll(async () => {
  eks.destroy();
  await moto.stop();
});

const CLOSED: VpcConfigRequest = { endpointPublicAccess: false, endpointPrivateAccess: true };
const OPEN_TO_SOME: VpcConfigRequest = { publicAccessCidrs: ['203.0.113.0/24'] };

function write(settings = SETTINGS): string {
  const file = join(mkdtempSync(join(tmpdir(), 'tidegate-cluster-add-')), 'tidegate.yaml');
  writeFileSync(file, settings);
  return file;
}

function add(file: string, ...args: readonly string[]) {
  return startCommand(['cluster', 'add', ...args, '--config', file], moto.env);
}

describe('tidegate cluster add', () => {
  it('writes what EKS says into the settings and leaves every other byte', async () => {
    const file = write();
    const { cluster } = await eks.send(new DescribeClusterCommand({ name: 'prod' }));

    const run = add(
      file,
      'production',
      '--region',
      'eu-west-1',
      '--eks-name',
      'prod',
      '--profile',
      'workload',
      '--namespace',
      'apps',
      'team-b',
    );

    expect(await outcomeOf(run)).toEqual({ exitCode: 0, errors: '' });
    const text = readFileSync(file, 'utf8');
    const added = [
      '    - name: production',
      '      path: ./clusters/production',
      '      namespaces: [ apps, team-b ]',
      '      eks:',
      '        name: prod',
      '        region: eu-west-1',
      `        endpoint: ${cluster?.endpoint}`,
      `        certificateAuthority: ${cluster?.certificateAuthority?.data}`,
      '        profile: workload',
      '',
    ].join('\n');
    expect(text).toBe(SETTINGS.replace('    # production', `${added}    # production`));
    expect(parseSettings(text, file)).toMatchObject({ outcome: 'valid', settings: { clusters: { length: 2 } } });
    expect(run.output()).toContain('+    - name: production\n');
    expect(run.output()).toContain(`production is in ${file}\n`);
    expect(readdirSync(dirname(file))).toEqual(['tidegate.yaml']);
  });

  it('shows the change and writes nothing in a dry run', async () => {
    const file = write();

    const run = add(file, 'prod', '--region', 'eu-west-1', '--dry-run');

    expect(await outcomeOf(run)).toEqual({ exitCode: 0, errors: '' });
    expect(run.output()).toContain('+        region: eu-west-1\n');
    expect(run.output()).toContain('dry run');
    expect(readFileSync(file, 'utf8')).toBe(SETTINGS);
  });

  it.each(['closed', 'hardened'])(
    'tells a program what it did, and how to reach a private endpoint: %s',
    async (name) => {
      const file = write();

      const run = add(file, name, '--region', 'eu-west-1', '--json');

      expect(await outcomeOf(run)).toEqual({ exitCode: 0, errors: '' });
      expect(JSON.parse(run.output())).toMatchObject({
        written: true,
        cluster: { name, path: `./clusters/${name}`, eks: { name, region: 'eu-west-1' } },
        notes: [
          'its endpoint is private: add eks.vpc: { id: vpc-0123456789abcdef0, subnets: [ subnet-0123456789abcdef0 ], clusterSecurityGroup: sg-0123456789abcdef0 } to the cluster, with the subnets that reach it',
        ],
      });
    },
  );

  it('starts an installation that has no App and no cluster yet', async () => {
    const file = write('configRepository: { url: "https://github.com/acme/fleet-infra" }\n');

    const run = add(file, 'prod', '--region', 'eu-west-1');

    expect(await outcomeOf(run)).toEqual({ exitCode: 0, errors: '' });
    expect(run.output()).toContain('note: next: npx cdk deploy, then tidegate github-app create');
    expect(readFileSync(file, 'utf8')).toContain('clusters:\n  - name: prod\n');
  });

  it.each([
    ['a name that is there', ['laptop', '--region', 'eu-west-1'], 'cluster "laptop" is there already'],
    ['a region that does not exist', ['prod', '--region', 'eu-wset-1'], 'did you mean eu-west-1?'],
    [
      'a cluster that does not exist',
      ['staging', '--region', 'eu-west-1'],
      'EKS cluster staging in eu-west-1 does not exist',
    ],
    ['a cluster in another region', ['prod', '--region', 'us-east-1'], 'EKS cluster prod in us-east-1 does not exist'],
    ['a cluster without access entries', ['old', '--region', 'eu-west-1'], 'authenticationMode=API_AND_CONFIG_MAP'],
    [
      'a public endpoint with a list, and no private one',
      ['fenced', '--region', 'eu-west-1'],
      'has a public endpoint for 203.0.113.0/24 only and no private one',
    ],
    [
      'a wrong name',
      ['Prod', '--region', 'eu-west-1'],
      'clusters[1].name: found "Prod"; allowed: a name of lower-case',
    ],
    ['a path outside', ['prod', '--region', 'eu-west-1', '--path', '../x'], 'clusters[1].path: found "../x"'],
    [
      'a profile without its namespaces',
      ['prod', '--region', 'eu-west-1', '--profile', 'workload'],
      '--namespace NAME',
    ],
    ['namespaces for all', ['prod', '--region', 'eu-west-1', '--namespace', 'a'], '--profile workload'],
    ['a wrong profile', ['prod', '--region', 'eu-west-1', '--profile', 'admin'], 'platform, workload'],
    ['no region', ['prod'], '--region'],
  ])('refuses %s with exit code 2 and leaves the settings', async (_, args, message) => {
    const file = write();

    const run = add(file, ...args);

    expect(await run.exit).toBe(2);
    expect(run.errors()).toContain(message);
    expect(readFileSync(file, 'utf8')).toBe(SETTINGS);
  });

  it('says in one line that nobody is signed in to AWS', async () => {
    const file = write();

    const run = startCommand(['cluster', 'add', 'prod', '--region', 'eu-west-1', '--config', file], {
      AWS_ENDPOINT_URL: moto.url,
    });

    expect(await run.exit).toBe(1);
    expect(run.errors()).toMatch(/^tidegate: EKS cluster prod in eu-west-1: no AWS credentials found.*\n$/u);
  });

  it('explains itself with examples', async () => {
    const run = startCommand(['cluster', 'add', '--help']);

    expect(await run.exit).toBe(0);
    expect(run.output()).toContain('tidegate cluster add production --region eu-west-1');
  });
});
