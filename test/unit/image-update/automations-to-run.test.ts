import { describe, expect, it } from 'vitest';

import type { FluxObjects } from '#shared/flux/flux-objects.ts';
import type { ImageUpdateAutomation } from '#shared/flux/kinds/image-update-automation.ts';
import { automationsToRun, type ClusterImages, type ImageHint } from '#shared/image-update/automations-to-run.ts';
import { resolveCheckout } from '#shared/image-update/resolve-checkout.ts';
import type { EcrImage } from '#shared/images/image-reference.ts';
import type { StatusRecord } from '#shared/records/journal-record.ts';

const SETTINGS = {
  configRepository: { url: 'https://github.com/acme/fleet', branch: 'main' },
  githubApiUrl: 'https://api.github.com',
  installation: 'default',
  branchPrefix: 'tidegate/',
};
const NOW = 1_000_000;
const FULL = { repository: 'https://github.com/Acme/Fleet', deliveryId: 'd', after: '', number: 1, action: 'closed' };

describe('a hint for image-update', () => {
  it.each<[what: string, hint: ImageHint, repositories: string, automations: string]>([
    ['an image', { type: 'ImagePushed', image: ecr('a') }, 'a', 'all onlyA'],
    ['another image', { type: 'ImagePushed', image: ecr('b') }, 'b', 'all'],
    ['an unknown image', { type: 'ImagePushed', image: ecr('a/evil') }, '', ''],
    ['the image of a suspended repository', { type: 'ImagePushed', image: ecr('s') }, '', ''],
    ['a tick', { type: 'Tick', id: 't' }, 'b', 'onlyA elsewhere'],
    ['new Flux objects', { type: 'InstructionsChanged', cluster: 'one' }, 'a b', 'all onlyA elsewhere'],
    ['new Flux objects of another cluster', { type: 'InstructionsChanged', cluster: 'two' }, '', ''],
    ['a push to the base', { ...FULL, type: 'RepositoryPushed', ref: 'refs/heads/main' }, '', 'all onlyA'],
    ['a push to our branch', { ...FULL, type: 'RepositoryPushed', ref: 'refs/heads/tidegate/one/ns/all' }, '', 'all'],
    ['a push to any other branch', { ...FULL, type: 'RepositoryPushed', ref: 'refs/heads/mainly' }, '', ''],
    ['a pull request', { ...FULL, type: 'PullRequestChanged' }, '', 'all onlyA'],
    [
      'a pull request elsewhere',
      { ...FULL, type: 'PullRequestChanged', repository: 'https://x.org/acme/fleet' },
      '',
      '',
    ],
    ['work of others', { type: 'Reconcile', cluster: 'one', reason: 'r' }, '', ''],
  ])('of %s concerns image repositories "%s" and automations "%s"', (_what, hint, repositories, automations) => {
    const runs = automationsToRun(hint, [cluster()], SETTINGS, NOW);

    expect(runs.flatMap((run) => run.imageRepositories.map(({ name }) => name)).join(' ')).toBe(repositories);
    expect(runs.flatMap((run) => run.automations.map(({ name }) => name)).join(' ')).toBe(automations);
  });
});

describe('where an automation works', () => {
  const [all, , elsewhere] = cluster().fluxObjects.imageUpdateAutomations;

  it.each<[what: string, change: Partial<ImageUpdateAutomation>, base: string, branch: string, mode: string]>([
    ['nothing said', {}, 'main', 'tidegate/one/ns/all', 'pull-request'],
    ['another checkout branch', { checkoutBranch: 'dev' }, 'dev', 'tidegate/one/ns/all', 'pull-request'],
    ['the checkout branch itself', { pushBranch: 'main' }, 'main', 'main', 'push'],
    ['another push branch', { pushBranch: 'images' }, 'main', 'images', 'push'],
  ])('%s', (_what, change, base, branch, mode) => {
    const checkout = resolveCheckout('one', { ...required(all), ...change }, [], SETTINGS);

    expect(checkout).toMatchObject({ base, branch, mode, repository: { owner: 'acme', name: 'fleet' } });
  });

  it.each([
    ['https://gitlab.com/acme/fleet', 'InvalidSource'],
    ['https://github.com.evil.org/acme/fleet', 'InvalidSource'],
    ['https://github.com/acme', 'InvalidSource'],
  ])('refuses %s, which is not on the GitHub of the settings', (url, code) => {
    const sources = [{ ...required(cluster().fluxObjects.gitRepositories[0]), url }];

    expect(() => resolveCheckout('one', required(elsewhere), sources, SETTINGS)).toThrow(
      expect.objectContaining({ code, disposition: 'stall' }),
    );
  });
});

/** As EventBridge tells it, whatever host the repository is written with. */
function ecr(repository: string): EcrImage {
  return { account: '123456789012', region: 'eu-west-1', repository };
}

function cluster(): ClusterImages {
  const id = (name: string) => ({ namespace: 'ns', name });
  const repository = (name: string, suspend = false) => ({
    ...id(name),
    image: `123456789012.dkr-ecr-fips.eu-west-1.on.aws/${name}`,
    intervalMs: 60_000,
    exclusionList: [],
    suspend,
  });
  const policy = (name: string) => ({
    ...id(name),
    labels: { app: name },
    imageRepositoryRef: id(name),
    policy: { kind: 'semver' as const, range: '*' },
    digestReflectionPolicy: 'Never' as const,
    suspend: false,
  });
  const automation = (name: string, more: Partial<ImageUpdateAutomation> = {}): ImageUpdateAutomation => ({
    ...id(name),
    sourceRef: { kind: 'GitRepository', namespace: 'flux-system', name: 'flux-system' },
    intervalMs: 60_000,
    updatePath: './',
    commitAuthor: { email: 'bot@example.org' },
    suspend: false,
    ...more,
  });
  const fluxObjects: FluxObjects = {
    cluster: 'one',
    revision: 'main@sha1:0',
    gitRepositories: [
      { ...id('lib'), url: 'https://github.com/acme/lib', intervalMs: 1, timeoutMs: 1, ref: {}, suspend: false },
    ],
    imageRepositories: [repository('a'), repository('b'), repository('s', true)],
    imagePolicies: [policy('a'), policy('b'), policy('s')],
    imageUpdateAutomations: [
      automation('all'),
      automation('onlyA', { policySelector: { matchLabels: { app: 'a' } } }),
      automation('elsewhere', {
        sourceRef: { kind: 'GitRepository', ...id('lib') },
        policySelector: { matchLabels: { app: 'none' } },
      }),
      automation('suspended', { suspend: true }),
    ],
  };
  return {
    fluxObjects,
    statuses: [
      status('ImageRepository', 'a', NOW + 1),
      status('ImageUpdateAutomation', 'all', NOW + 1),
      status('ImageUpdateAutomation', 'onlyA', NOW),
    ],
  };
}

function status(kind: string, name: string, dueAt: number): StatusRecord {
  const object = { cluster: 'one', kind, namespace: 'ns', name };
  return { type: 'Status', object, conditions: [], suspended: false, observedAt: 0, dueAt, details: {} };
}

function required<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('missing');
  return value;
}
