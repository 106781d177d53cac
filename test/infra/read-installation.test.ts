import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
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
    says: /tidegate\.yaml:15:15: clusters\[0\]\.eks\.region: found "eu-west-9"/u,
  },
  {
    mistake: 'two clusters of one name',
    from: 'name: staging\n    path',
    to: 'name: production\n    path',
    says: /tidegate\.yaml:22:5: clusters\[1\]\.name: found "production"/u,
  },
  {
    mistake: 'more namespaces than the environment of a function takes',
    from: '[apps, team-b]',
    to: `[${Array.from({ length: 40 }, (_, index) => `${'n'.repeat(40)}-${index}`).join(', ')}]`,
    says: /tidegate\.yaml:24:17: clusters\[1\]\.namespaces: found names of 17/u,
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
    says: /tidegate\.yaml:18:16: clusters\[0\]\.eks\.roleArn: .*allowed: eks\.vpc\.reachesSts: true/u,
  },
  {
    mistake: 'a route table that gets endpoints twice',
    from: 'routeTables: [rtb-0123456789abcdef0]',
    to: 'routeTables: [rtb-0123456789abcdef0, rtb-0123456789abcdef0]',
    says: /routeTables\[1\]: found "rtb-0123456789abcdef0", which gets its endpoints for cluster "production"/u,
  },
])('fails at synth with file and line: $mistake', async ({ from, to, says }) => {
  expect(example).toContain(from);

  const problems = await problemsOf(example.replace(from, to));

  expect(problems).toMatch(says);
  expect(problems).not.toContain('ghp_');
});

test('fails with file and line when the folder of a cluster is missing from the repository beside', async () => {
  const problems = await problemsOf(example, ['clusters/production']);

  expect(problems).toMatch(/^tidegate\.yaml:23:11: clusters\[1\]\.path: found "\.\/clusters\/staging"/u);
});

test('takes as many clusters a region as CloudFormation has room for, and names the first that is too many', async () => {
  const more = (count: number): string =>
    Array.from(
      { length: count },
      (_, index) =>
        `  - { name: more-${index}, path: ./more, eks: { name: m, region: eu-west-1, endpoint: "https://e", certificateAuthority: AAAA } }\n`,
    ).join('');

  await expect(problemsOf(`${example}${more(18)}`)).resolves.toBe('none');
  await expect(problemsOf(`${example}${more(20)}`)).resolves.toMatch(
    /^tidegate\.yaml:\d+:\d+: clusters\[20\]\.eks\.region: found more than 20 clusters in eu-west-1; [^\n]*$/u,
  );
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
