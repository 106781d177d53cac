import { describe, expect, it } from 'vitest';

import { isRecord } from '#shared/common/is-record.ts';
import { formatProblem } from '#shared/common/problem.ts';
import { VERSION } from '#shared/common/version.ts';
import { parseFluxObject, type ParsedFluxObject } from '#shared/flux/parse-flux-object.ts';
import type { KubernetesObject } from '#shared/kubernetes/kubernetes-object.ts';
import { createFieldLocator } from '#shared/kubernetes/locate-field.ts';
import { parseKubernetesYaml } from '#shared/render/parse-kubernetes-yaml.ts';
import { readManifests } from '#shared/render/read-manifests.ts';

const FILE = 'clusters/a/app.yaml';

function parse(text: string): ParsedFluxObject {
  const files = new Map([[FILE, { bytes: Buffer.from(text), executable: false }]]);
  const manifests = readManifests(text);
  const object: KubernetesObject | undefined = manifests.outcome === 'read' ? manifests.objects[0] : undefined;
  if (object === undefined) throw new Error(`the test's own text is no manifest: ${JSON.stringify(manifests)}`);
  const { apiVersion, kind, metadata } = object;
  const id = { group: apiVersion.split('/')[0] ?? '', kind, namespace: metadata.namespace ?? '', name: metadata.name };
  const locate = createFieldLocator({ files, id, folder: 'clusters/a', kustomizationFile: 'clusters/a/' });
  return parseFluxObject(object, locate);
}

function problemsOf(text: string): readonly string[] {
  const parsed = parse(text);
  return parsed.outcome === 'parsed' ? [] : parsed.problems.map(formatProblem);
}

const HEADS = {
  GitRepository: ['source', 'url: https://github.com/acme/app\n  interval: 1m'],
  Kustomization: ['kustomize', 'sourceRef: { kind: GitRepository, name: app }\n  interval: 10m\n  prune: true'],
  ImageRepository: ['image', 'image: ghcr.io/acme/app\n  interval: 5m'],
  ImagePolicy: ['image', 'imageRepositoryRef: { name: app }\n  policy: { semver: { range: 1.x } }'],
  ImageUpdateAutomation: [
    'image',
    'sourceRef: { kind: GitRepository, name: app }\n  interval: 5m\n  git: { commit: { author: { email: bot@acme.dev } } }',
  ],
} as const;
type Kind = keyof typeof HEADS;
const KINDS: readonly Kind[] = [
  'GitRepository',
  'Kustomization',
  'ImageRepository',
  'ImagePolicy',
  'ImageUpdateAutomation',
];

/** The optional fields of each kind in Flux's own definitions of v1. */
const OPTIONAL: Readonly<Record<Kind, string>> = {
  GitRepository:
    'timeout ref ref.branch ref.tag ref.semver ref.name ref.commit ignore secretRef provider suspend verify proxySecretRef recurseSubmodules include sparseCheckout serviceAccountName',
  Kustomization:
    'path retryInterval timeout wait force suspend targetNamespace dependsOn healthChecks patches images components commonMetadata commonMetadata.labels commonMetadata.annotations namePrefix nameSuffix postBuild postBuild.substitute postBuild.substitute.name postBuild.substituteFrom deletionPolicy buildMetadata decryption healthCheckExprs ignore ignoreMissingComponents kubeConfig serviceAccountName sourceRef.apiVersion sourceRef.namespace',
  ImageRepository:
    'exclusionList provider suspend accessFrom certSecretRef insecure proxySecretRef secretRef serviceAccountName timeout',
  ImagePolicy:
    'filterTags filterTags.pattern filterTags.extract digestReflectionPolicy interval suspend imageRepositoryRef.namespace policy.alphabetical policy.numerical',
  ImageUpdateAutomation:
    'git.checkout git.push git.push.branch git.push.refspec git.push.options git.commit.messageTemplate git.commit.messageTemplateValues git.commit.signingKey git.commit.author.name update update.strategy update.path policySelector suspend sourceRef.namespace',
};

function optionalFields(kind: Kind): readonly string[] {
  return OPTIONAL[kind].split(' ');
}

function objectOf(text: string): Readonly<Record<string, unknown>> {
  const [object] = parseKubernetesYaml(text);
  if (!isRecord(object)) throw new Error(`the test's own text is no mapping: ${text}`);
  return object;
}

/** The object with one field of its specification set; on the way there, what is missing becomes a mapping. */
function withField(
  object: Readonly<Record<string, unknown>>,
  path: readonly string[],
  value: unknown,
): Readonly<Record<string, unknown>> {
  const set = (at: unknown, [key, ...rest]: readonly string[]): unknown => {
    const members = isRecord(at) ? at : {};
    if (key === undefined) return value === null || !isRecord(at) ? value : at;
    return { ...members, [key]: set(members[key], rest) };
  };
  return { ...object, spec: set(object['spec'], path) };
}

function verdictOn(object: Readonly<Record<string, unknown>>): unknown {
  const parsed = parse(JSON.stringify(object));
  return parsed.outcome === 'parsed' ? parsed : parsed.problems.map(({ field, message }) => `${field}: ${message}`);
}

function parsedOf(text: string): Extract<ParsedFluxObject, { readonly outcome: 'parsed' }> {
  const parsed = parse(text);
  if (parsed.outcome !== 'parsed') throw new Error(parsed.problems.map(formatProblem).join('\n'));
  return parsed;
}

/** A valid object of a kind, whose specification ends with more lines: the first of them is line 8 or later. */
function manifest(kind: Kind, more = '', version = 'v1'): string {
  const [group, spec] = HEADS[kind];
  return `apiVersion: ${group}.toolkit.fluxcd.io/${version}
kind: ${kind}
metadata:
  name: app
  namespace: apps
spec:
  ${spec}
${more === '' ? '' : `  ${more}\n`}`;
}

describe('parsing a Flux object', () => {
  it('reads a GitRepository with the defaults that Flux has', () => {
    expect(parse(manifest('GitRepository'))).toEqual({
      outcome: 'parsed',
      kind: 'GitRepository',
      fluxObject: {
        namespace: 'apps',
        name: 'app',
        url: 'https://github.com/acme/app',
        intervalMs: 60_000,
        timeoutMs: 60_000,
        ref: { branch: 'master' },
        suspend: false,
      },
    });
  });

  it('reads a Kustomization with the defaults that Flux has', () => {
    expect(parse(manifest('Kustomization'))).toEqual({
      outcome: 'parsed',
      kind: 'Kustomization',
      fluxObject: {
        namespace: 'apps',
        name: 'app',
        annotations: {},
        sourceRef: { kind: 'GitRepository', namespace: 'apps', name: 'app' },
        path: './',
        prune: true,
        intervalMs: 600_000,
        retryIntervalMs: 600_000,
        timeoutMs: 570_000,
        wait: false,
        force: false,
        suspend: false,
        dependsOn: [],
        healthChecks: [],
        patches: [],
        images: [],
        components: [],
        commonMetadata: {},
        deletionPolicy: 'MirrorPrune',
      },
    });
  });

  it('reads image Flux objects with the defaults that Flux has', () => {
    expect(parse(manifest('ImageRepository'))).toMatchObject({
      fluxObject: { image: 'ghcr.io/acme/app', intervalMs: 300_000, exclusionList: ['^.*\\.sig$'], suspend: false },
    });
    expect(parse(manifest('ImagePolicy'))).toMatchObject({
      fluxObject: {
        imageRepositoryRef: { namespace: 'apps', name: 'app' },
        policy: { kind: 'semver', range: '1.x' },
        digestReflectionPolicy: 'Never',
      },
    });
    expect(parse(manifest('ImageUpdateAutomation'))).toMatchObject({
      fluxObject: { updatePath: './', commitAuthor: { email: 'bot@acme.dev' }, suspend: false },
    });
  });

  it.each<readonly [string, number]>([
    ['30s', 30_000],
    ['10m0s', 600_000],
    ['1h30m', 5_400_000],
    ['1.5h', 5_400_000],
    ['1500ms', 1_500],
  ])('reads the duration %s as %i ms', (text, ms) => {
    expect(parse(manifest('Kustomization', `retryInterval: ${text}`))).toMatchObject({
      fluxObject: { retryIntervalMs: ms },
    });
  });

  it('never waits less than 30 seconds for a Kustomization', () => {
    expect(parse(manifest('Kustomization', 'timeout: 5s'))).toMatchObject({ fluxObject: { timeoutMs: 30_000 } });
  });

  it.each(KINDS.flatMap((kind) => ['v1beta1', 'v1beta2'].map((version) => [kind, version] as const)))(
    'reads a %s of version %s as one of v1',
    (kind, version) => {
      expect(parse(manifest(kind, '', version))).toEqual(parse(manifest(kind)));
      expect(parse(manifest(kind)).outcome).toBe('parsed');
    },
  );

  it('ignores what Kubernetes keeps in metadata and status', () => {
    const text = `${manifest('GitRepository')}status:\n  observedGeneration: 3\n`.replace(
      '  name: app\n',
      '  name: app\n  finalizers: [x]\n',
    );

    expect(parse(text).outcome).toBe('parsed');
  });

  it.each<readonly [Kind, string]>([
    ['GitRepository', 'verify: { mode: HEAD }'],
    ['GitRepository', 'proxySecretRef: { name: proxy }'],
    ['GitRepository', 'recurseSubmodules: true'],
    ['GitRepository', 'include: []'],
    ['GitRepository', 'sparseCheckout: [a]'],
    ['GitRepository', 'serviceAccountName: app'],
    ['Kustomization', 'healthCheckExprs: []'],
    ['Kustomization', 'buildMetadata: [originAnnotations]'],
    ['Kustomization', 'decryption: { provider: sops }'],
    ['Kustomization', 'ignore: []'],
    ['Kustomization', 'kubeConfig: { secretRef: { name: a } }'],
    ['Kustomization', 'serviceAccountName: deployer'],
    ['Kustomization', 'ignoreMissingComponents: true'],
    ['ImageRepository', 'secretRef: { name: registry }'],
    ['ImageRepository', 'insecure: true'],
  ])('says of a %s that %s is not implemented, with file, line and field', (kind, line) => {
    const field = line.slice(0, line.indexOf(':'));
    const number = manifest(kind, line).split('\n').indexOf(`  ${line}`) + 1;

    expect(problemsOf(manifest(kind, line))).toEqual([
      `${FILE}:${number}:3: spec.${field}: is a field of Flux's ${kind} that Tidegate does not implement yet; remove it to go on`,
    ]);
  });

  it('reads a path above the root of the repository, which Flux joins inside of it', () => {
    expect(problemsOf(manifest('Kustomization', 'path: ../components/x'))).toEqual([]);
  });

  it.each<readonly [Kind, string, string]>([
    ['GitRepository', 'intervall: 1m', 'spec.intervall: is not a field of GitRepository; did you mean interval?'],
    ['GitRepository', 'suspend: "yes"', 'spec.suspend: is "yes" (string); allowed is a boolean'],
    [
      'GitRepository',
      'timeout: 1d',
      'spec.timeout: is "1d"; allowed is a duration such as 30s, 10m, 1h30m (units ms, s, m, h)',
    ],
    ['GitRepository', 'provider: azure', 'spec.provider: is "azure"; allowed: generic, github'],
    [
      'GitRepository',
      'ref: { commit: abc }',
      'spec.ref.commit: is "abc"; allowed are the 40 hexadecimal digits of a commit',
    ],
    [
      'GitRepository',
      'ref: { branch: --upload-pack=x }',
      'spec.ref.branch: is "--upload-pack=x"; allowed is a Git ref name such as main or release/1.x',
    ],
    ['GitRepository', 'ref: { tag: 1.5 }', 'spec.ref.tag: is 1.5 (number); allowed is a string; quote it: "1.5"'],
    [
      'Kustomization',
      'path: "https://example.com/apps"',
      'spec.path: is "https://example.com/apps"; allowed is a path relative to the root of the repository, such as ./apps/production',
    ],
    [
      'Kustomization',
      'deletionPolicy: Orphaned',
      'spec.deletionPolicy: is "Orphaned"; allowed: MirrorPrune, Delete, WaitForTermination, Orphan; did you mean Orphan?',
    ],
    [
      'Kustomization',
      'dependsOn: [{ nmae: a }]',
      'spec.dependsOn[0].nmae: is not a field of Kustomization; did you mean name?',
    ],
    [
      'Kustomization',
      'dependsOn: [{ name: a, readyExpr: x }]',
      "spec.dependsOn[0].readyExpr: is a field of Flux's Kustomization that Tidegate does not implement yet; remove it to go on",
    ],
    ['Kustomization', 'postBuild: { substitute: { 1a: x } }', 'spec.postBuild.substitute.1a: '],
    ['Kustomization', 'postBuild: { substitute: { größe: x } }', 'allowed are names of the letters A to Z and a to z'],
    [
      'ImageRepository',
      'exclusionList: ["(?=x)"]',
      'spec.exclusionList[0]: is "(?=x)"; allowed is a regular expression in RE2 syntax',
    ],
    ['ImagePolicy', 'interval: 5m', 'spec.interval: is only allowed when digestReflectionPolicy is Always; remove it'],
    ['ImageUpdateAutomation', 'update: { strategy: Regex }', 'spec.update.strategy: is "Regex"; allowed: Setters'],
  ])('says of a %s with %s what is wrong and where', (kind, line, message) => {
    const number = manifest(kind, line).split('\n').indexOf(`  ${line}`) + 1;

    const problems = problemsOf(manifest(kind, line));

    const [place, text] = [problems.map((one) => one.slice(0, one.indexOf(': spec'))), problems.join('\n')];
    expect(text).toContain(message);
    expect(place.every((one) => one.startsWith(`${FILE}:${number}:`))).toBe(true);
    expect(problems.length).toBeGreaterThan(0);
  });

  it('names a missing field at the line of what should hold it', () => {
    expect(problemsOf(manifest('Kustomization').replace('  prune: true\n', ''))).toEqual([
      `${FILE}:6:1: spec.prune: is missing; add it (a boolean)`,
    ]);
  });

  it('names every problem of an object, not only the first', () => {
    expect(problemsOf(manifest('GitRepository', 'timeout: x\n  foo: 1\n  verify: {}'))).toHaveLength(3);
  });

  it.each([
    ['semver: { range: 1.x }, numerical: {}', 'has semver and numerical'],
    ['', 'is empty'],
  ])('refuses an ImagePolicy with the policies {%s}', (policy, message) => {
    const text = manifest('ImagePolicy').replace('{ semver: { range: 1.x } }', `{ ${policy} }`);

    expect(problemsOf(text)).toEqual([
      `${FILE}:8:3: spec.policy: ${message}; exactly one of semver, alphabetical, numerical is needed`,
    ]);
  });

  it.each([
    ['helm.toolkit.fluxcd.io/v2', 'HelmRelease'],
    ['source.toolkit.fluxcd.io/v1', 'OCIRepository'],
    ['source.toolkit.fluxcd.io/v1', 'HelmRepository'],
    ['source.toolkit.fluxcd.io/v1', 'Bucket'],
    ['notification.toolkit.fluxcd.io/v1beta3', 'Alert'],
    ['notification.toolkit.fluxcd.io/v1beta3', 'Provider'],
    ['notification.toolkit.fluxcd.io/v1', 'Receiver'],
    ['tidegate.dev/v1alpha1', 'Pipeline'],
    ['image.toolkit.fluxcd.io/v1', 'Kustomization'],
  ])('says that %s %s is not implemented, at its kind', (apiVersion, kind) => {
    const parsed = parse(`# a comment\napiVersion: ${apiVersion}\nkind: ${kind}\nmetadata:\n  name: app\n`);

    expect(parsed).toMatchObject({
      outcome: 'unsupported',
      identity: { kind, namespace: 'flux-system', name: 'app' },
      problems: [{ file: FILE, line: 3, column: 1, field: 'kind' }],
    });
  });

  it.each(['v1alpha1', 'v2'])('says of the version %s that this Tidegate does not know it', (version) => {
    expect(problemsOf(manifest('Kustomization', '', version))).toEqual([
      `${FILE}:1:1: apiVersion: is "kustomize.toolkit.fluxcd.io/${version}", a version unknown to Tidegate ${VERSION}; allowed: kustomize.toolkit.fluxcd.io/v1, kustomize.toolkit.fluxcd.io/v1beta2, kustomize.toolkit.fluxcd.io/v1beta1`,
    ]);
  });

  it.each([
    ['fluxcd.controlplane.io/v1', 'ResourceSet', 'does not implement yet'],
    ['fluxcd.controlplane.io/v1', 'ResourceSetInputProvider', 'does not implement yet'],
    ['fluxcd.controlplane.io/v1', 'FluxReport', 'does not implement yet'],
    ['source.extensions.fluxcd.io/v1beta1', 'ArtifactGenerator', 'does not implement yet'],
    ['source.toolkit.fluxcd.io/v1', 'SubmarineRepository', `is unknown to Tidegate ${VERSION}`],
    ['tides.fluxcd.io/v1', 'Tide', `is unknown to Tidegate ${VERSION}`],
  ])('says of %s %s that it %s', (apiVersion, kind, state) => {
    expect(problemsOf(`apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata:\n  name: app\n`)).toEqual([
      expect.stringContaining(`is ${kind} of ${apiVersion.split('/')[0]}, which`),
    ]);
    expect(problemsOf(`apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata:\n  name: app\n`).join()).toContain(state);
  });

  it('says of a field that is like none it knows that it may be newer than this Tidegate', () => {
    expect(problemsOf(manifest('GitRepository', 'quantumEntanglement: true'))).toEqual([
      `${FILE}:9:3: spec.quantumEntanglement: is a field of GitRepository unknown to Tidegate ${VERSION}; allowed: url, interval, timeout, ref, ignore, secretRef, provider, gitImplementation, suspend`,
    ]);
  });
});

describe('what says nothing', () => {
  const named = KINDS.flatMap((kind) => optionalFields(kind).map((field) => [kind, field] as const));

  it.each(named)('in a %s, %s: null is as if it were not written', (kind, field) => {
    const object = objectOf(manifest(kind));
    const plain = withField(object, field.split('.').slice(0, -1), {});

    // A mapping that holds nothing else may be one that must hold something: then both are refused alike.
    expect(verdictOn(withField(object, field.split('.'), null))).toEqual(verdictOn(plain));
  });

  it('is any null in metadata, too', () => {
    const text = manifest('ImagePolicy').replace(
      'namespace: apps',
      'namespace: null\n  labels: null\n  annotations: { a: null }',
    );

    expect(parse(text)).toEqual(parse(manifest('ImagePolicy').replace('  namespace: apps\n', '')));
  });

  it('leaves a field that is needed missing', () => {
    expect(problemsOf(manifest('Kustomization').replace('prune: true', 'prune: null'))).toEqual([
      `${FILE}:9:3: spec.prune: is missing; add it (a boolean)`,
    ]);
  });

  it.each<readonly [Kind, string]>([
    ['Kustomization', 'serviceAccountName: ""'],
    ['Kustomization', 'ignoreMissingComponents: false'],
    ['Kustomization', 'kubeConfig: null'],
    ['Kustomization', 'path: ""'],
    ['GitRepository', 'recurseSubmodules: false'],
    ['GitRepository', 'ref: { branch: "", tag: "", semver: "", name: "", commit: "" }'],
    ['GitRepository', 'ref: {}'],
    ['ImageRepository', 'insecure: false'],
    ['ImagePolicy', 'filterTags: { pattern: "", extract: "" }'],
    ['ImageUpdateAutomation', 'update: { path: "" }'],
  ])('in a %s, %s is read as its absence', (kind, line) => {
    const { fluxObject } = parsedOf(manifest(kind));

    expect(parsedOf(manifest(kind, line))).toEqual({ outcome: 'parsed', kind, fluxObject });
  });

  it('an extraction without a pattern is of every tag', () => {
    expect(parsedOf(manifest('ImagePolicy', 'filterTags: { extract: "$0" }')).fluxObject).toMatchObject({
      filterTags: { pattern: '', extract: '$0' },
    });
  });

  it('in a reference, an empty namespace is its own', () => {
    expect(parsedOf(manifest('Kustomization', 'dependsOn: [{ name: a, namespace: "" }]')).fluxObject).toMatchObject({
      dependsOn: [{ name: 'a', namespace: 'apps' }],
    });
  });
});

describe('what Flux read in its older versions', () => {
  it.each<readonly [Kind, string]>([
    ['Kustomization', 'validation: client'],
    ['GitRepository', 'gitImplementation: libgit2'],
  ])('a %s with %s is read without it, as Flux came to do', (kind, line) => {
    expect(parsedOf(manifest(kind, line, 'v1beta1'))).toEqual(parsedOf(manifest(kind)));
  });

  it.each(['', 'apiVersion: "", '])('takes a health check with {%s} for one of apps/v1', (version) => {
    const line = `healthChecks: [{ ${version}kind: Deployment, name: web, namespace: apps }]`;

    expect(parsedOf(manifest('Kustomization', line)).fluxObject).toMatchObject({
      healthChecks: [{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', namespace: 'apps' }],
    });
  });
});
