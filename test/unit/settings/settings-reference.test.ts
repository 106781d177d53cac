import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';

import { describeSettings } from '#shared/settings/describe-settings.ts';
import { formatSettingsReference } from '#shared/settings/format-settings-reference.ts';
import { parseSettings } from '#shared/settings/parse-settings.ts';

/** Settings in which every key stands. */
const WHOLE = {
  installation: 'main',
  configRepository: { url: 'https://github.com/acme/fleet-infra', branch: 'main' },
  github: {
    apiUrl: 'https://api.github.com',
    appId: 1,
    privateKeySecret: 'key',
    webhookSecret: 'webhook',
    branchPrefix: 'tidegate/',
  },
  registries: { ecr: [{ account: '123456789012', region: 'eu-west-1', repositories: ['team-a/*'] }] },
  statuses: { withheldPrune: 'failure' },
  clusters: [
    {
      name: 'prod',
      path: './clusters/prod',
      eks: {
        name: 'prod',
        region: 'eu-west-1',
        endpoint: 'https://eks.dev',
        certificateAuthority: 'AAAA',
        profile: 'workload',
        roleArn: 'arn:aws:iam::123456789012:role/tidegate',
        vpc: {
          id: 'vpc-0123456789abcdef0',
          subnets: ['subnet-0123456789abcdef0'],
          clusterSecurityGroup: 'sg-0123456789abcdef0',
          routeTables: ['rtb-0123456789abcdef0'],
          reachesSts: true,
        },
      },
      pruneGuard: { maxObjects: 5, maxPercent: 20 },
      approvePrune: 'flux-system/apps=12',
      namespaces: ['apps'],
    },
    { name: 'laptop', path: './clusters/laptop', kubeconfig: { context: 'kind', file: 'kubeconfig' } },
  ],
  serve: {
    address: '127.0.0.1',
    port: 8080,
    stateFolder: '.tidegate',
    secretsFolder: 'secrets',
    tickSeconds: 60,
    publicUrl: 'https://tidegate.example.com',
    ecrEventsQueueUrl: 'https://sqs.eu-west-1.amazonaws.com/123456789012/q',
  },
};
const WITH_TOKEN = { ...WHOLE, github: { tokenSecret: 'token', webhookSecret: 'webhook' } };

type Path = readonly (string | number)[];

const settings = describeSettings();
const keys = settings.map(({ key }) => key);

function baseFor(key: string): object {
  return key === 'github.tokenSecret' ? WITH_TOKEN : WHOLE;
}

/** Where a key stands in the settings above. */
function pathOf(key: string): Path {
  const cluster = key.includes('kubeconfig') ? 1 : 0;
  return key.split('.').flatMap((part) => {
    if (!part.endsWith('[]')) return [part];
    return [part.slice(0, -2), part === 'clusters[]' ? cluster : 0];
  });
}

function change(value: unknown, [first, ...rest]: Path, to: (found: unknown) => object): unknown {
  if (typeof value !== 'object' || value === null || first === undefined) return value;
  const found: unknown = Reflect.get(value, first);
  const next = rest.length === 0 ? to(found) : { [first]: change(found, rest, to) };
  if (Array.isArray(value)) return value.map((item: unknown, at) => (at === first ? Reflect.get(next, first) : item));
  const others = Object.entries(value).map(([name, item]) => (name === first ? next : { [name]: item }));
  return Object.assign({}, ...others);
}

function problemsOf(text: string) {
  const parsed = parseSettings(text, 'tidegate.yaml');
  return parsed.outcome === 'valid' ? [] : parsed.problems;
}

const formatField = (path: Path): string =>
  path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${part}`))
    .join('')
    .slice(1);

describe('the reference of the settings', () => {
  it('is what the schema says today; `npm run reference` writes it', () => {
    const written = readFileSync(join(import.meta.dirname, '../../../docs/settings.md'), 'utf8');

    expect(written).toBe(formatSettingsReference(settings));
  });

  it('says of every key what it is for', () => {
    expect(settings.filter(({ purpose }) => !/^[A-Z`].*\.$/u.test(purpose)).map(({ key }) => key)).toEqual([]);
  });

  it('has every key that settings can have', () => {
    expect(problemsOf(stringify(WHOLE))).toEqual([]);
    expect(problemsOf(stringify(WITH_TOKEN))).toEqual([]);
    for (const key of keys) {
      const value = pathOf(key).reduce<unknown>((found, part) => Reflect.get(Object(found), part), baseFor(key));
      expect({ key, value }).not.toEqual({ key, value: undefined });
    }
  });
});

describe('a value of the wrong kind', () => {
  const wrong = ['', 'a b', 0, -1, 1.5, true, null, [], {}, [[]], [null], { a: 1 }, 'x'.repeat(5_000)];

  it.each(keys)('is right or refused at its line, and nothing else is said: %s', (key) => {
    const path = pathOf(key);
    const name = String(path.at(-1));
    for (const value of wrong) {
      const text = stringify(
        change(baseFor(key), path, () => ({ [name]: value })),
        { lineWidth: 0 },
      );
      const lines = text.split('\n');
      const elsewhere = problemsOf(text).filter(
        ({ field, line = 0 }) => !field.startsWith(formatField(path)) && !(lines[line - 1] ?? '').includes(name),
      );
      // What another key says of it is told there: a profile without namespaces, a cluster without a target.
      const related = elsewhere.filter(
        ({ message }) => !/workload|profile|kubeconfig and eks|tokenSecret/u.test(message),
      );

      expect({ value, related }).toEqual({ value, related: [] });
    }
  });

  it.each(keys)('and a key that is misspelt is refused with the one that was meant: %s', (key) => {
    const path = pathOf(key);
    const name = String(path.at(-1));
    const misspelt = `${name.slice(0, -1)}${name.at(-1)}x`;
    const text = stringify(
      change(baseFor(key), path, (found) => ({ [misspelt]: found })),
      { lineWidth: 0 },
    );
    const line = text.split('\n').findIndex((one) => one.includes(`${misspelt}:`)) + 1;

    expect(problemsOf(text)).toContainEqual(
      expect.objectContaining({
        line,
        field: formatField([...path.slice(0, -1), misspelt]),
        message: expect.stringMatching(new RegExp(`^unknown key; allowed: .*; did you mean ${name}\\?$`, 'u')),
      }),
    );
  });
});
