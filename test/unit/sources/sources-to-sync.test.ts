import { describe, expect, it } from 'vitest';

import type { GitRepository } from '#shared/flux/kinds/git-repository.ts';
import type { Condition, SourceHead, StatusRecord } from '#shared/records/journal-record.ts';
import { groupSources } from '#shared/sources/group-sources.ts';
import { listSources, type Source } from '#shared/sources/list-sources.ts';
import { planSync } from '#shared/sources/plan-sync.ts';
import { sourceSpecDigest } from '#shared/sources/source-spec-digest.ts';
import { sourcesToSync, type KnownSource } from '#shared/sources/sources-to-sync.ts';
import type { WorkMessage } from '#shared/work/work-message.ts';

const MINUTE = 60_000;
const AT = 1_000 * MINUTE;
const NOW = { at: AT, tickMs: MINUTE, githubApiUrl: 'https://api.github.com' };
const TICK: WorkMessage = { type: 'Tick', id: '1' };

function repository(extra: Partial<GitRepository> = {}): GitRepository {
  return {
    namespace: 'flux-system',
    name: 'podinfo',
    url: 'https://github.com/acme/podinfo',
    intervalMs: 5 * MINUTE,
    timeoutMs: MINUTE,
    ref: { branch: 'main' },
    suspend: false,
    ...extra,
  };
}

function source(extra: Partial<GitRepository> = {}, cluster = 'a'): Source {
  const declared = repository(extra);
  return {
    key: { cluster, kind: 'GitRepository', namespace: declared.namespace, name: declared.name },
    repository: declared,
  };
}

const READY: Condition = { type: 'Ready', status: 'True', reason: 'Succeeded', message: '', lastTransitionTime: 0 };
const FAILED: Condition = { ...READY, status: 'False', reason: 'GitOperationFailed' };
const STALLED: Condition = { ...FAILED, type: 'Stalled', status: 'True' };

function status(of: Source, minutesAgo: number, extra: Partial<StatusRecord> = {}): StatusRecord {
  const spec = sourceSpecDigest(of.repository);
  return {
    type: 'Status',
    object: of.key,
    conditions: [READY],
    suspended: of.repository.suspend,
    observedAt: AT - minutesAgo * MINUTE,
    details: { spec, stored: spec },
    ...extra,
  };
}

describe('a tick', () => {
  it.each<[string, Partial<GitRepository>, ((of: Source) => StatusRecord) | undefined, boolean]>([
    ['was never read', {}, undefined, true],
    ['was read a minute ago', {}, (of) => status(of, 1), false],
    ['was read an interval ago', {}, (of) => status(of, 5), true],
    ['comes a little before its interval is over', {}, (of) => status(of, 4.6), true],
    ['has an interval below the tick', { intervalMs: 10_000 }, (of) => status(of, 0.99), true],
    ['is failing', {}, (of) => status(of, 1, { conditions: [FAILED] }), true],
    ['is stalled', {}, (of) => status(of, 1, { conditions: [FAILED, STALLED] }), false],
    ['is stalled for an interval', {}, (of) => status(of, 6, { conditions: [FAILED, STALLED] }), true],
    ['was given another branch', { ref: { branch: 'next' } }, () => status(source(), 1), true],
    ['was given other patterns', { ignore: '*.md' }, () => status(source(), 1), true],
    ['is suspended and said to be', { suspend: true }, (of) => status(of, 60), false],
    ['is newly suspended', { suspend: true }, (of) => status(of, 1, { suspended: false }), true],
    ['is resumed', {}, (of) => status(of, 1, { suspended: true }), true],
  ])('for a source that %s', (_case, extra, statusOf, expected) => {
    const known: KnownSource = { ...source(extra), status: statusOf?.(source(extra)) };
    expect(sourcesToSync(TICK, [known], NOW)).toEqual(expected ? [known] : []);
  });
});

describe('a message', () => {
  const fleet: KnownSource = {
    ...source({ name: 'ssh', url: 'ssh://git@github.com/Acme/Fleet.git' }),
    status: undefined,
  };
  const other: KnownSource = { ...source({ name: 'other' }), status: undefined };
  const broken: KnownSource = { ...source({ name: 'broken', url: 'ssh://x' }), status: undefined };
  const all = [fleet, other, broken];

  it.each<[WorkMessage, readonly KnownSource[]]>([
    [push('https://github.com/acme/fleet', 'refs/heads/main'), [fleet]],
    [push('https://github.com/acme/fleet', 'refs/heads/next'), []],
    [push('https://github.com/acme/podinfo', 'refs/heads/main'), [other]],
    [{ type: 'SyncSource', source: other.key }, [other]],
    [{ type: 'SyncSource', source: { ...other.key, cluster: 'b' } }, []],
    [{ type: 'Reconcile', cluster: 'a', reason: 'x' }, []],
    [{ type: 'InstructionsChanged', cluster: 'a' }, []],
  ])('%j concerns its sources and no other', (message, expected) => {
    expect(sourcesToSync(message, all, NOW)).toEqual(expected);
  });

  function push(pushed: string, ref: string): WorkMessage {
    return { type: 'RepositoryPushed', repository: pushed, ref, after: '0'.repeat(40), deliveryId: 'd' };
  }
});

describe('the sources of an installation', () => {
  const settings = {
    configRepository: { url: 'https://github.com/acme/fleet', branch: 'main' },
    clusters: ['a', 'b'].map((name) => ({
      name,
      path: `./clusters/${name}`,
      target: { kind: 'kubeconfig' as const, context: name },
      pruneGuard: { maxObjects: 5, maxPercent: 20 },
    })),
  };

  it('hold a root for each cluster, whose address and branch no Flux object can change', () => {
    const none = { imageRepositories: [], imagePolicies: [], imageUpdateAutomations: [] };
    const hijack = repository({
      name: 'flux-system',
      url: 'ssh://git@github.com/evil/x',
      ref: { tag: 'v1' },
      secretRef: 'flux-system',
      intervalMs: 7,
      ignore: '*.md',
    });
    const fluxObjects = { cluster: 'a', revision: 'r', gitRepositories: [hijack, repository()], ...none };
    const sources = listSources(settings, [fluxObjects]);
    expect(sources.map(({ key }) => `${key.cluster}/${key.namespace}/${key.name}`)).toEqual([
      'a/flux-system/flux-system',
      'a/flux-system/podinfo',
      'b/flux-system/flux-system',
    ]);
    expect(sources[0]?.repository).toEqual({
      namespace: 'flux-system',
      name: 'flux-system',
      url: 'https://github.com/acme/fleet',
      ref: { branch: 'main' },
      intervalMs: 7,
      timeoutMs: MINUTE,
      suspend: false,
      ignore: '*.md',
    });
  });

  it.each<[string, readonly Source[], number]>([
    ['alike', [source(), source({}, 'b'), source({ name: 'copy' }, 'c')], 1],
    ['with other patterns', [source(), source({ ignore: '*.md' }, 'b')], 2],
    ['of another branch', [source(), source({ ref: { branch: 'next' } }, 'b')], 2],
    ['whose paths differ by case', [source(), source({ url: 'https://github.com/acme/Podinfo' })], 2],
    ['with a secret of each cluster', [source({ secretRef: 's' }), source({ secretRef: 's' }, 'b')], 2],
    ['of which one is suspended', [source(), source({ suspend: true }, 'b')], 2],
  ])('%s are fetched together only when nothing sets them apart', (_case, sources, groups) => {
    expect(groupSources(sources)).toHaveLength(groups);
    expect(groupSources(sources).flat()).toEqual(sources);
  });
});

describe('planning a sync', () => {
  const of = source();
  const remote = { url: 'https://github.com/acme/podinfo', resolved: { oid: 'a', revision: 'main@sha1:a' } };
  const head: SourceHead = {
    type: 'SourceHead',
    source: of.key,
    revision: 'main@sha1:a',
    digest: 'sha256:x',
    url: remote.url,
    observedAt: 0,
  };

  it.each([
    ['nothing is stored', { head: undefined, hasArtifact: false }, status(of, 1), 'first'],
    [
      'the revision moved',
      { head: { ...head, revision: 'main@sha1:b' }, hasArtifact: true },
      status(of, 1),
      'revision',
    ],
    ['the address changed', { head: { ...head, url: 'https://x/y' }, hasArtifact: true }, status(of, 1), 'revision'],
    ['the patterns changed', { head, hasArtifact: true }, status(source({ ignore: 'x' }), 1), 'spec'],
    ['the status was lost', { head, hasArtifact: true }, undefined, 'spec'],
    ['the artifact is gone', { head, hasArtifact: false }, status(of, 1), 'artifact missing'],
    ['nothing changed', { head, hasArtifact: true }, status(of, 1), undefined],
  ])('when %s', (_case, stored, known, because) => {
    expect(planSync(of, remote, stored, known)).toEqual(
      because === undefined ? { action: 'unchanged' } : { action: 'fetch', because },
    );
  });
});
