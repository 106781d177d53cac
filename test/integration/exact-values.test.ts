import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createKubectlRenderer, type KubectlRenderer } from '#shared/adapters/kubectl/kubectl-renderer.ts';
import { formatProblem } from '#shared/common/problem.ts';
import type { KubernetesObject } from '#shared/kubernetes/kubernetes-object.ts';
import { planRender } from '#shared/render/plan-render.ts';
import { renderKustomization } from '#shared/render/render-kustomization.ts';
import { defaultRoot } from '#shared/render/resolve-root.ts';
import { ensureClusterBinaries } from '#stand-ins/kubernetes/build-binaries.ts';

import { changesOf, install, outcomeOf, rendered, startApplyFixture, type ApplyFixture } from './apply-fixture.ts';

let fixture: ApplyFixture;
let renderer: KubectlRenderer;

beforeAll(async () => {
  fixture = await startApplyFixture();
  renderer = await createKubectlRenderer({ kubectl: (await ensureClusterBinaries()).kubectl });
});

afterAll(() => fixture?.stop());

/** Renders manifests with the real kustomize. */
async function render(
  files: Readonly<Record<string, string>>,
  substitute: Readonly<Record<string, string>> = {},
): Promise<readonly KubernetesObject[]> {
  const tree = new Map(
    Object.entries(files).map(([path, text]) => [path, { bytes: Buffer.from(text), executable: false }]),
  );
  const settings = { ...defaultRoot('./'), postBuild: { substitute, substituteFrom: [] } };
  const planned = planRender(tree, settings, [], renderer.version);
  const result = planned.outcome === 'failed' ? planned : await renderKustomization(planned.plan, { renderer }, 60_000);
  if (result.outcome === 'failed') throw new Error(result.problems.map(formatProblem).join('\n'));
  return result.objects;
}

function namespace(name: string): string {
  return `apiVersion: v1\nkind: Namespace\nmetadata:\n  name: ${name}\n`;
}

const GAUGES = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: gauges.example.com
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Gauge, plural: gauges}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          typed:
            type: object
            properties:
              size: {type: integer, format: int64, maximum: 9223372036854775000}
          free:
            type: object
            x-kubernetes-preserve-unknown-fields: true
`;
const GAUGE = `apiVersion: example.com/v1
kind: Gauge
metadata:
  name: high
  namespace: numbers
typed:
  size: 9007199254740993
free:
  least: -9223372036854775808
  odd: 9007199254740993
  list: [9007199254740993, 1.5]
  text: "9223372036854775807"
  commit: "5e12345"
  breaks: "a\\Lb\\Pc"
`;

describe('numbers of 64 bits on their way to the server', () => {
  it('arrive with every digit, and are unchanged in the next run, with records and without', async () => {
    const installation = install(fixture.api, 'numbers');
    const sets = [
      rendered('numbers', await render({ 'a.yaml': `${namespace('numbers')}---\n${GAUGES}---\n${GAUGE}` })),
    ];

    const first = outcomeOf(await installation.apply(sets), 'numbers');

    expect(first).toMatchObject({ state: 'ready', failures: [] });
    const path = '{.typed.size} {.free.least} {.free.odd} {.free.list[0]} {.free.text} {.free.commit}';
    const { stdout: read } = await fixture.cluster.kubectl([
      'get',
      'gauge',
      'high',
      '-n',
      'numbers',
      '-o',
      `jsonpath=${path}`,
    ]);
    expect(read).toBe(
      '9007199254740993 -9223372036854775808 9007199254740993 9007199254740993 9223372036854775807 5e12345',
    );
    const { stdout: breaks } = await fixture.cluster.kubectl([
      'get',
      'gauge',
      'high',
      '-n',
      'numbers',
      '-o',
      'jsonpath={.free.breaks}',
    ]);
    expect(breaks).toBe('a\u2028b\u2029c');
    expect(new Set(outcomeOf(await installation.apply(sets), 'numbers').changes.map(({ action }) => action))).toEqual(
      new Set(['unchanged']),
    );
    installation.loseRecords();
    expect(new Set(outcomeOf(await installation.apply(sets), 'numbers').changes.map(({ action }) => action))).toEqual(
      new Set(['unchanged']),
    );
  });

  it('are seen to change by one, and are read back as they are', async () => {
    const installation = install(fixture.api, 'numbers');
    const files = {
      'a.yaml': `${namespace('numbers')}---\n${GAUGES}---\n${GAUGE.replace('odd: 9007199254740993', 'odd: 9007199254740992')}`,
    };

    const outcome = outcomeOf(await installation.apply([rendered('numbers', await render(files))]), 'numbers');

    expect(changesOf(outcome)).toContain('configured Gauge/numbers/high');
    const resource = (await fixture.api.discover()).resources.find(({ kind }) => kind === 'Gauge');
    if (resource === undefined) throw new Error('the server has no Gauge');
    expect(await fixture.api.list({ resource, namespace: 'numbers' })).toMatchObject([
      { typed: { size: 9007199254740993n }, free: { odd: 9007199254740992n, least: -9223372036854775808n } },
    ]);
  });
});

const SECRET = `apiVersion: v1
kind: Secret
metadata:
  name: db
  namespace: texts
stringData:
  password: \${DB_PASSWORD}
  user: app
`;

describe('texts on their way to the server', () => {
  it.each([
    ['0123456', 'number'],
    ['1.10', 'number'],
    ['1e5', 'number'],
    ['yes', 'boolean'],
    ['[a,b]', 'list'],
    ['{a: b}', 'map'],
  ])(
    'a variable %s that YAML takes for a %s is refused with key and variable, and never shown',
    async (value, type) => {
      const objects = await render({ 'a.yaml': `${namespace('texts')}---\n${SECRET}` }, { DB_PASSWORD: value });

      const outcome = outcomeOf(await install(fixture.api, 'texts').apply([rendered('texts', objects)]), 'texts');

      expect(outcome.failures).toEqual([
        {
          id: { group: '', kind: 'Secret', namespace: 'texts', name: 'db' },
          reason: 'Invalid',
          field: '.stringData.password',
          message: `.stringData.password: expected string, got ${type}; variable DB_PASSWORD filled it in, and YAML reads what came out as another type: write \${quote}\${DB_PASSWORD}\${quote} with a variable quote: '"'`,
        },
      ]);
    },
  );

  it.each([
    ['an empty variable', '${EMPTY:=}', { OTHER: 'x' }, ''],
    [
      'a number between quotes of a variable',
      '${quote}${DB_PASSWORD}${quote}',
      { quote: '"', DB_PASSWORD: '0123456' },
      '0123456',
    ],
    ['a number in quotes', '"0123456"', {}, '0123456'],
    ['a commit', '"5e12345"', {}, '5e12345'],
    ['an address', '"0x52908400098527886E0F7030069857D2E4169EE7"', {}, '0x52908400098527886E0F7030069857D2E4169EE7'],
    ['line breaks of Unicode', '"a\\Lb\\P"', {}, 'a\u2028b\u2029'],
  ])('%s stays the text it is', async (_, written, substitute, expected) => {
    const secret = SECRET.replace('${DB_PASSWORD}', () => written);
    const map = secret.replace('kind: Secret', 'kind: ConfigMap').replace('stringData', 'data');
    const annotated = map.replace(
      'namespace: texts',
      () => `namespace: texts\n  annotations:\n    example.com/note: ${written}`,
    );
    const files = { 'a.yaml': `${namespace('texts')}---\n${secret}---\n${annotated}` };
    const installation = install(fixture.api, 'texts');
    const sets = [rendered('texts', await render(files, substitute))];

    const outcome = outcomeOf(await installation.apply(sets), 'texts');

    expect(outcome.failures).toEqual([]);
    const read = async (kind: string, path: string) =>
      (await fixture.cluster.kubectl(['get', kind, 'db', '-n', 'texts', '-o', `go-template=${path}`])).stdout;
    expect(Buffer.from(await read('secret', '{{.data.password}}'), 'base64').toString('utf8')).toBe(expected);
    expect(await read('configmap', '{{.data.password}}')).toBe(expected);
    expect(await read('configmap', '{{index .metadata.annotations "example.com/note"}}')).toBe(expected);
    installation.loseRecords();
    expect(
      changesOf(outcomeOf(await installation.apply(sets), 'texts')).filter((change) => !change.startsWith('unchanged')),
    ).toEqual([]);
  });

  it('a number where the server wants a text is refused in its words, with the variable, without the value', async () => {
    const manifest = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: texts}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: other
        image: other
      - name: web
        image: web
        env:
        - {name: PIN, value: "\${PIN}"}
`;
    const objects = await render({ 'a.yaml': `${namespace('texts')}---\n${manifest}` }, { PIN: '0123456' });

    const [failure] = outcomeOf(
      await install(fixture.api, 'texts').apply([rendered('texts', objects)]),
      'texts',
    ).failures;

    expect(failure?.message).toContain(
      '.env[name="PIN"].value: expected string, got number; variable PIN filled it in',
    );
    expect(failure?.message).not.toContain('42798');
  });

  it('a label that a variable made a number is refused with the variable', async () => {
    const manifest = namespace('texts').replace('name: texts', 'name: texts\n  labels: {pin: "${PIN}"}');

    await expect(render({ 'a.yaml': manifest }, { PIN: '0123456' })).rejects.toThrow(
      'metadata.labels["pin"] that is not a text; variable PIN filled it in',
    );
  });
});
