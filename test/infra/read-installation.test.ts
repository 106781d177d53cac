import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';

import { readInstallation } from '#infra/read-installation.ts';

let example: string;

beforeAll(async () => {
  example = await readFile('examples/aws/tidegate.yaml', 'utf8');
});

async function problemsOf(text: string, folders: readonly string[] = []): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-installation-'));
  const file = join(folder, 'tidegate.yaml');
  await writeFile(file, text);
  for (const path of folders) await mkdir(join(folder, path), { recursive: true });
  try {
    await readInstallation(file);
    return 'none';
  } catch (error) {
    return error instanceof Error ? error.message.replaceAll(`${folder}/`, '') : '';
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

test('the example can be deployed', async () => {
  await expect(problemsOf(example)).resolves.toBe('none');
});

test.each([
  {
    mistake: 'an unknown region',
    from: '      region: eu-west-1\n      endpoint: https://0',
    to: '      region: eu-west-9\n      endpoint: https://0',
    says: /tidegate\.yaml:15:7: clusters\[0\]\.eks\.region: found "eu-west-9"/u,
  },
  {
    mistake: 'a region of a partition that the stack is not made for',
    from: '      region: eu-west-1\n      endpoint: https://0',
    to: '      region: cn-north-1\n      endpoint: https://0',
    says: /tidegate\.yaml:15:7: clusters\[0\]\.eks\.region: found "cn-north-1", which is in China \(aws-cn/u,
  },
  {
    mistake: 'a registry of another partition, which no role of ours reaches',
    from: 'account: "123456789012"\n      region: eu-west-1',
    to: 'account: "123456789012"\n      region: us-gov-west-1',
    says: /tidegate\.yaml:8:7: registries\.ecr\[0\]\.region: found "us-gov-west-1", which is in partition aws-us-gov/u,
  },
  {
    mistake: 'two clusters of one name',
    from: 'name: staging\n    path',
    to: 'name: production\n    path',
    says: /tidegate\.yaml:23:5: clusters\[1\]\.name: found "production"/u,
  },
  {
    mistake: 'a secret inline',
    from: 'registries:\n',
    to: 'github:\n  webhookSecret: ghp_0123456789abcdefghijABCDEFGHIJ012345\nregistries:\n',
    says: /tidegate\.yaml:6:3: github\.webhookSecret: /u,
  },
  {
    mistake: 'a role to assume from a VPC that does not reach STS',
    from: '      vpc:\n',
    to: '      roleArn: arn:aws:iam::210987654321:role/tidegate\n      vpc:\n',
    says: /tidegate\.yaml:18:7: clusters\[0\]\.eks\.roleArn: .*allowed: eks\.vpc\.reachesSts: true/u,
  },
  {
    mistake: 'a route table that gets endpoints twice',
    from: 'routeTables: [rtb-0123456789abcdef0]',
    to: 'routeTables: [rtb-0123456789abcdef0, rtb-0123456789abcdef0]',
    says: /routeTables\[1\]: found "rtb-0123456789abcdef0" twice; allowed: each route table once/u,
  },
  {
    mistake: 'a route table that is in two VPCs',
    from: '      profile: workload',
    to: '      vpc: { id: vpc-1123456789abcdef0, subnets: [subnet-2123456789abcdef0], routeTables: [rtb-0123456789abcdef0] }\n      profile: workload',
    says: /clusters\[1\]\.eks\.vpc\.routeTables\[0\]: found "rtb-0123456789abcdef0", which is in vpc-0123456789abcdef0 for cluster "production"; allowed: one of vpc-1123456789abcdef0/u,
  },
  {
    mistake: 'a subnet whose route table has its endpoints for another cluster alone',
    from: '      profile: workload',
    to: '      vpc: { id: vpc-0123456789abcdef0, subnets: [subnet-0123456789abcdef1] }\n      profile: workload',
    says: /clusters\[1\]\.eks\.vpc\.subnets\[0\]: found "subnet-0123456789abcdef1", whose route table gets its endpoints for cluster "production" alone/u,
  },
  {
    mistake: 'the security group of another cluster',
    from: '      profile: workload',
    to: '      vpc: { id: vpc-1123456789abcdef0, subnets: [subnet-2123456789abcdef0], clusterSecurityGroup: sg-0123456789abcdef0 }\n      profile: workload',
    says: /clusters\[1\]\.eks\.vpc\.clusterSecurityGroup: found "sg-0123456789abcdef0", which is that of cluster "production"/u,
  },
  {
    mistake: 'two names for one cluster, which would prune each other',
    from: 'https://FEDCBA9876543210FEDCBA9876543210.gr7',
    to: 'https://0123456789ABCDEF0123456789ABCDEF.gr7',
    says: /tidegate\.yaml:29:7: clusters\[1\]\.eks\.endpoint: found the API server of cluster "production"/u,
  },
  {
    mistake: 'more than anybody has to say of a cluster',
    from: 'path: ./clusters/production',
    to: `path: ./clusters/production\n    approvePrune: ${'n'.repeat(66_000)}/apps=3`,
    says: /tidegate\.yaml:11:5: clusters\[0\]: found values of 66\d\d\d bytes; allowed: 65536/u,
  },
  {
    mistake: 'no certificate authority',
    from: 'certificateAuthority: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==',
    to: "certificateAuthority: ''",
    says: /tidegate\.yaml:17:7: clusters\[0\]\.eks\.certificateAuthority: found nothing/u,
  },
  {
    mistake: 'a name that no cluster of EKS has',
    from: 'name: prod\n',
    to: 'name: prod/eu\n',
    says: /clusters\[0\]\.eks\.name: found "prod\/eu"; allowed: the name that the cluster has in EKS/u,
  },
  {
    mistake: 'a subnet twice',
    from: 'subnets: [subnet-0123456789abcdef0, subnet-0123456789abcdef1]',
    to: 'subnets: [subnet-0123456789abcdef0, subnet-0123456789abcdef0]',
    says: /clusters\[0\]\.eks\.vpc\.subnets\[1\]: found "subnet-0123456789abcdef0" twice/u,
  },
  {
    mistake: 'more repositories than a pattern of EventBridge holds',
    from: '["team-a/*", "shared/base"]',
    to: `[${Array.from({ length: 100 }, (_, index) => `team-a/service-${index}`).join(', ')}]`,
    says: /tidegate\.yaml:9:7: registries\.ecr\[0\]\.repositories: found names that make a pattern of 2\d\d\d characters/u,
  },
  {
    mistake: 'more registries than policies have room for',
    from: 'registries:\n  ecr:\n',
    to: `registries:\n  ecr:\n${'    - { account: "123456789012", region: eu-west-1, repositories: [a] }\n'.repeat(30)}`,
    says: /registries\.ecr\[30\]: found 31 entries; allowed: 30/u,
  },
  {
    mistake: 'a cluster whose sources could name the secrets of GitHub',
    from: 'name: staging\n    path',
    to: 'name: github\n    path',
    says: /tidegate\.yaml:23:\d+: clusters\[1\]\.name: found "github", so that "tidegate\/github\/webhook-secret"/u,
  },
  {
    mistake: 'one name for both secrets of GitHub',
    from: 'registries:\n',
    to: 'github:\n  webhookSecret: tidegate/github/private-key\nregistries:\n',
    says: /tidegate\.yaml:6:\d+: github\.webhookSecret: found "tidegate\/github\/private-key", which is the other/u,
  },
])('fails at synth with file and line: $mistake', async ({ from, to, says }) => {
  expect(example).toContain(from);

  const problems = await problemsOf(example.replace(from, to));

  expect(problems).toMatch(says);
  expect(problems).not.toContain('ghp_');
});

test('takes two certificate authorities and a hundred namespaces of a cluster', async () => {
  const names = Array.from(
    { length: 100 },
    (_, index) => `${'n'.repeat(60)}-${index % 10}${(index - (index % 10)) / 10}`,
  );
  const authorities = Buffer.from(`-----BEGIN CERTIFICATE-----\n${'A'.repeat(1_400)}\n`.repeat(2)).toString('base64');
  const text = example
    .replace('[apps, team-b]', `[${names.join(', ')}]`)
    .replaceAll(/certificateAuthority: .*/gu, `certificateAuthority: ${authorities}`);

  await expect(problemsOf(text)).resolves.toBe('none');
});

test('fails with file and line when the folder of a cluster is missing from the repository beside', async () => {
  const problems = await problemsOf(example, ['clusters/production']);

  expect(problems).toMatch(/^tidegate\.yaml:24:5: clusters\[1\]\.path: found "\.\/clusters\/staging"/u);
});

test('takes as many clusters a region as CloudFormation has room for, and names the first that is too many', async () => {
  const more = (count: number): string =>
    Array.from(
      { length: count },
      (_, index) =>
        `  - { name: more-${index}, path: ./more, eks: { name: m, region: eu-west-1, endpoint: "https://e${index}", certificateAuthority: AAAA } }\n`,
    ).join('');

  await expect(problemsOf(`${example}${more(18)}`)).resolves.toBe('none');
  await expect(problemsOf(`${example}${more(20)}`)).resolves.toMatch(
    /^tidegate\.yaml:\d+:\d+: clusters\[20\]\.eks\.region: found more than 20 clusters in eu-west-1; [^\n]*$/u,
  );
});

test('lets clusters of one VPC share subnets and route tables', async () => {
  const vpc = /\n {6}vpc:[^]*?(?=\n {2}- )/u.exec(example)?.[0].replace(/\n *clusterSecurityGroup: [^\n]*/u, '') ?? '';
  expect(vpc).toContain('routeTables: [rtb-0123456789abcdef0]');

  await expect(problemsOf(`${example.trimEnd()}${vpc}\n`)).resolves.toBe('none');
});

test('assumes a role from a VPC that reaches STS', async () => {
  const role = '      roleArn: arn:aws:iam::210987654321:role/tidegate\n      vpc:\n        reachesSts: true\n';

  await expect(problemsOf(example.replace('      vpc:\n', role))).resolves.toBe('none');
});

test('fails when no cluster is one of EKS', async () => {
  const text = example.replace(/clusters:[^]*$/u, 'clusters: [{ name: a, path: ./a, kubeconfig: { context: a } }]\n');

  await expect(problemsOf(text)).resolves.toContain('found no cluster with eks');
});

test('fails saying how to name a file that is not there', async () => {
  await expect(readInstallation('no-such-folder/tidegate.yaml')).rejects.toThrow('cdk synth -c settings=<file>');
});
