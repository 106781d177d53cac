import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { formatProblem } from '#shared/common/problem.ts';
import { parseSettings } from '#shared/settings/parse-settings.ts';
import { sampleSize } from '#test/sample-size.ts';

const SMALLEST = `configRepository: { url: https://github.com/acme/fleet-infra }
github: { appId: 12345 }
clusters:
  - { name: laptop, path: ./clusters/laptop, kubeconfig: { context: kind-dev } }
`;

function problemsOf(text: string): readonly string[] {
  const parsed = parseSettings(text, 'tidegate.yaml');
  return parsed.outcome === 'valid' ? [] : parsed.problems.map(formatProblem);
}

describe('parseSettings', () => {
  it('fills in the defaults of the smallest file', () => {
    expect(parseSettings(SMALLEST, 'tidegate.yaml')).toEqual({
      outcome: 'valid',
      settings: {
        installation: 'default',
        configRepository: { url: 'https://github.com/acme/fleet-infra', branch: 'main' },
        github: {
          apiUrl: 'https://api.github.com',
          appId: 12345,
          privateKeySecret: 'tidegate/github/private-key',
          webhookSecret: 'tidegate/github/webhook-secret',
          branchPrefix: 'tidegate/',
        },
        registries: { ecr: [] },
        clusters: [
          {
            name: 'laptop',
            path: './clusters/laptop',
            target: { kind: 'kubeconfig', context: 'kind-dev' },
            pruneGuard: { maxObjects: 5, maxPercent: 20 },
          },
        ],
        statuses: { withheldPrune: 'pending' },
        serve: {
          address: '127.0.0.1',
          port: 8080,
          stateFolder: '.tidegate',
          secretsFolder: 'secrets',
          tickSeconds: 60,
        },
      },
    });
  });

  it.each([
    ['nothing of GitHub', 'github: { appId: 12345 }\n', ''],
    ['no id of an App', 'appId: 12345', ''],
  ])('takes the id of the App from its key where the file says %s', (_, found, replacement) => {
    expect(parseSettings(SMALLEST.replace(found, replacement), 'tidegate.yaml')).toMatchObject({
      settings: {
        github: {
          apiUrl: 'https://api.github.com',
          privateKeySecret: 'tidegate/github/private-key',
          webhookSecret: 'tidegate/github/webhook-secret',
        },
      },
    });
  });

  it('reads a file with a byte-order mark and the line ends of Windows', () => {
    expect(parseSettings(`\uFEFF${SMALLEST.replaceAll('\n', '\r\n')}`, 'tidegate.yaml').outcome).toBe('valid');
  });

  it.each([
    ['a GitHub Enterprise server', 'https://ghe.acme.dev', 'https://ghe.acme.dev/api/v3'],
    ['one at a port of its own', 'https://ghe.acme.dev:8443', 'https://ghe.acme.dev:8443/api/v3'],
    ['GitHub Enterprise Cloud', 'https://acme.ghe.com', 'https://api.acme.ghe.com'],
  ])('reads where the API of %s is from the repository it serves', (_, origin, apiUrl) => {
    const text = SMALLEST.replace('https://github.com/', `${origin}/`);

    const parsed = parseSettings(text, 'tidegate.yaml');

    expect(parsed).toMatchObject({ settings: { github: { apiUrl } } });
  });

  it('refuses two names for one cluster: each would prune what the other applies', () => {
    const again = '  - { name: again, path: ./clusters/again, kubeconfig: { context: kind-dev } }\n';
    const elsewhere =
      '  - { name: other, path: ./clusters/other, kubeconfig: { context: kind-dev, file: /etc/other } }\n';

    expect(problemsOf(`${SMALLEST.trimEnd()}\n${elsewhere}${again}`)).toEqual([
      expect.stringMatching(/clusters\[2\]\.kubeconfig\.context: found the context that clusters\[0\] has too; /u),
    ]);
  });

  it('names every problem at once, with its place, in the order of the file', () => {
    const text = `configRepository: { url: https://github.com/acme/fleet-infra, brnch: main }
github: { tokenSecret: a, appId: 1 }
registries: { ecr: [ { account: 123456789012, region: eu-west-1, repositories: [ "team-a/*" ] } ] }
clusters:
  - { name: production, path: ../x, eks: { name: prod, region: eu-west-1, endpoint: "https://x" } }
  - { name: production, path: ./clusters/laptop, kubeconfig: { context: kind-dev } }
  - { name: Bad_Name, path: ./c }
serve:
  port: 99999
`;

    expect(problemsOf(text)).toEqual([
      'tidegate.yaml:1:63: configRepository.brnch: unknown key; allowed: url, branch; did you mean branch?',
      'tidegate.yaml:2:27: github.appId: found tokenSecret too; allowed: a GitHub App (appId, privateKeySecret) or a token (tokenSecret)',
      'tidegate.yaml:3:24: registries.ecr[0].account: found 123456789012 (number); allowed: text (quote it if it is all digits)',
      'tidegate.yaml:5:25: clusters[0].path: found "../x"; allowed: a folder inside the repository such as ./clusters/production, without ".."',
      'tidegate.yaml:5:37: clusters[0].eks.certificateAuthority: missing; allowed: text (quote it if it is all digits)',
      'tidegate.yaml:6:7: clusters[1].name: found "production", which clusters[0] has too; allowed: a name of its own',
      'tidegate.yaml:7:5: clusters[2]: found neither; allowed: exactly one of kubeconfig and eks',
      'tidegate.yaml:7:7: clusters[2].name: found "Bad_Name"; allowed: a name of lower-case letters, digits and "-" of at most 63 characters',
      'tidegate.yaml:9:3: serve.port: found 99999 (number); allowed: at most 65535',
    ]);
  });

  const EKS =
    'eks: { name: prod, region: eu-west-1, endpoint: https://eks.invalid, certificateAuthority: AAAA, profile: ';

  it.each([
    ['flux-system/apps=12', true],
    ['flux-system/apps=12,flux-system/shop=1', true],
    ['flux-system/apps=12, flux-system/shop=1', true],
    ['flux-system/apps=12,', false],
    ['apps=12', false],
    ['flux-system/apps=12 flux-system/shop=1', false],
  ])('takes approvals of prunes, several divided by commas: %s: %s', (approvals, isTaken) => {
    const text = SMALLEST.replace('kind-dev } }', `kind-dev }, approvePrune: "${approvals}" }`);

    expect(problemsOf(text)).toHaveLength(isTaken ? 0 : 1);
  });

  it('reads what the installation is called beside another one', () => {
    expect(parseSettings(`installation: team-b\n${SMALLEST}`, 'tidegate.yaml')).toMatchObject({
      outcome: 'valid',
      settings: { installation: 'team-b' },
    });
  });

  it.each(['Team', 'a.b', 'a/b', '-a', '""', 'a'.repeat(64), '[a]'])('refuses an installation called %s', (name) => {
    expect(parseSettings(`installation: ${name}\n${SMALLEST}`, 'tidegate.yaml')).toMatchObject({
      outcome: 'invalid',
      problems: [{ line: 1, field: 'installation', message: expect.stringContaining('allowed: ') }],
    });
  });

  it.each([
    ['of an EKS cluster', `namespaces: [apps, team-b], ${EKS}workload }`],
    ['of a kubeconfig', 'namespaces: [apps, team-b], kubeconfig: { context: kind-dev }'],
  ])('reads where alone Tidegate may work, %s', (_, target) => {
    const text = SMALLEST.replace('kubeconfig: { context: kind-dev }', target);

    expect(parseSettings(text, 'tidegate.yaml')).toMatchObject({
      outcome: 'valid',
      settings: { clusters: [{ namespaces: ['apps', 'team-b'] }] },
    });
  });

  it.each([
    ['no namespaces for the profile workload', `${EKS}workload }`, 'found "workload" without clusters[0].namespaces'],
    ['namespaces for the profile platform', `namespaces: [a], ${EKS}platform }`, 'cluster with profile platform'],
    ['an empty list', `namespaces: [], ${EKS}workload }`, 'found no namespace; allowed: at least one'],
    ['a namespace twice', `namespaces: [a, a], ${EKS}workload }`, 'found a namespace twice'],
    ['a name that is none', `namespaces: [a/b], ${EKS}workload }`, 'found "a/b"; allowed: the name of a namespace'],
    ["Tidegate's own", `namespaces: [tidegate-system], ${EKS}workload }`, 'found "tidegate-system"; allowed'],
    [
      'more than a run can list',
      `namespaces: [${Array.from({ length: 101 }, (_, index) => `n${index}`).join(', ')}], ${EKS}workload }`,
      'found too many; allowed: at most 100',
    ],
  ])('refuses for namespaces, at their line: %s', (_, target, message) => {
    const problems = problemsOf(SMALLEST.replace('kubeconfig: { context: kind-dev }', target));

    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain('tidegate.yaml:4:');
    expect(problems[0]).toContain(message);
  });

  it.each([
    ['an SSH URL', 'https://github.com/acme/fleet-infra', 'ssh://git@github.com/acme/fleet-infra', 'url: found'],
    ['credentials in the URL', 'https://github.com/', 'https://me:hunter2@github.com/', 'without credentials'],
    ['plain HTTP to another machine', 'https://github.com/', 'http://github.com/', 'allowed: https://'],
    ['an absolute path', './clusters/laptop', '/clusters/laptop', 'inside the repository'],
    ['a path that climbs out', './clusters/laptop', 'clusters/../../x', 'inside the repository'],
    ['a cluster without a target', ', kubeconfig: { context: kind-dev }', '', 'exactly one of kubeconfig and eks'],
    [
      'the key of an App beside a token',
      'appId: 12345',
      'tokenSecret: t, privateKeySecret: k',
      'found tokenSecret too',
    ],
    ['a secret name that climbs out', 'appId: 12345', 'tokenSecret: ../../etc/passwd', 'the name of a secret'],
    ['an app id in quotes', 'appId: 12345', 'appId: "12345"', 'found "12345"; allowed: a number'],
    ['a list for a mapping', '{ appId: 12345 }', '[ 1 ]', 'found a list; allowed: a mapping'],
    ['a repeated key', 'github: { appId: 12345 }', 'github: { appId: 1, appId: 2 }', 'not valid YAML'],
    ['broken YAML', 'clusters:', 'clusters: [', 'not valid YAML'],
    [
      'plain HTTP to a queue',
      'clusters:',
      'serve: { ecrEventsQueueUrl: "http://sqs.aws.dev/1/q" }\nclusters:',
      'https://',
    ],
    [
      'an account read as a number',
      'clusters:',
      'registries: { ecr: [ { account: 012345678901 } ] }\nclusters:',
      'quote it',
    ],
    ['tabs', '  - {', '\t- {', 'tabs are not allowed'],
    ['two documents', 'clusters:', '---\nclusters:', 'multiple documents'],
    ['a key of every object', 'clusters:', '__proto__: { a: 1 }\nclusters:', '__proto__: unknown key'],
    [
      'a bottomless list',
      'clusters:',
      `serve: ${'['.repeat(20_000)}${']'.repeat(20_000)}\nclusters:`,
      'not valid YAML',
    ],
    ['ten megabytes', 'clusters:', `#${'x'.repeat(10_000_000)}\nclusters:`, 'allowed: at most 1048576'],
    ['an alias', 'github: { appId: 12345 }', 'github: &a { appId: 12345 }\nserve: *a', 'found a YAML alias'],
  ])('refuses %s', (_, found, replacement, message) => {
    expect(problemsOf(SMALLEST.replace(found, replacement)).join('\n')).toContain(message);
  });

  it.each([
    ['a token', 'token: ghp_0123456789abcdefghijABCDEFGHIJ'],
    ['a token where a name belongs', 'tokenSecret: ghp_0123456789abcdefghijABCDEFGHIJ'],
    ['a private key', 'privateKey: "-----BEGIN RSA PRIVATE KEY-----\\nghp_0123456789abcdefghij\\n"'],
    ['a key under any name', 'webhookSecret: "-----BEGIN PRIVATE KEY-----\\nghp_0123456789abcdefghij\\n"'],
  ])('refuses %s, says where secrets go and never quotes it', (_, line) => {
    const problems = problemsOf(SMALLEST.replace('appId: 12345', `appId: 12345, ${line}`)).join('\n');

    expect(problems).toContain('secretsFolder');
    expect(problems).not.toContain('0123456789abcdefghij');
  });

  it('answers any text with settings or problems, and never throws', () => {
    const mutation = fc.record({
      at: fc.nat({ max: SMALLEST.length }),
      length: fc.nat({ max: 20 }),
      text: fc.string(),
    });
    const answers = fc.property(mutation, ({ at, length, text }) => {
      const parsed = parseSettings(SMALLEST.slice(0, at) + text + SMALLEST.slice(at + length), 'tidegate.yaml');
      return parsed.outcome === 'valid' || parsed.problems.length > 0;
    });

    expect(() => fc.assert(answers, { seed: 42, numRuns: sampleSize(300, 10_000) })).not.toThrow();
  });
});

describe('settings of any size', () => {
  const unknownKeys = (count: number): string =>
    `${SMALLEST}${Array.from({ length: count }, (_, index) => `key${index}: 1\n`).join('')}`;

  it('names each of 40,000 unknown keys at its line', () => {
    const problems = problemsOf(unknownKeys(40_000));

    expect(problems).toHaveLength(40_000);
    expect(problems.at(-1)).toMatch(/^tidegate\.yaml:40004:1: key39999: unknown key; allowed: .*clusters, /u);
  });

  it.each([
    ['at the top', `${SMALLEST}serve: { port: 1 }\nserve: { port: 2 }\n`, 6],
    ['deep below', `${SMALLEST}serve:\n  port: 1\n  address: a\n  port: 2\n`, 8],
    ['written in two ways', `${SMALLEST}serve: { port: 1,\n "port": 2 }\n`, 6],
  ])('finds a key that stands twice %s', (_, text, line) => {
    expect(problemsOf(text)).toEqual([
      expect.stringMatching(new RegExp(`^tidegate\\.yaml:${line}:\\d+: not valid YAML: this key stands`, 'u')),
    ]);
  });
});
