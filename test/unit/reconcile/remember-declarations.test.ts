import { describe, expect, it } from 'vitest';

import type { Kustomization } from '#shared/flux/kinds/kustomization.ts';
import { MAX_RECORD_BYTES } from '#shared/journal/refuse-oversized-write.ts';
import type { DesiredState, KustomizationNode } from '#shared/reconcile/desired-state.ts';
import type { PreviousState } from '#shared/reconcile/read-previous-state.ts';
import { rememberDeclarations } from '#shared/reconcile/remember-declarations.ts';
import type { DeclarationRecord, JournalRecord, LastRenderRecord, SourceHead } from '#shared/records/journal-record.ts';
import { journalKey } from '#shared/records/journal-record.ts';
import { formatJournalRecord, parseJournalRecord } from '#shared/records/parse-journal-record.ts';
import { defaultRoot } from '#shared/render/resolve-root.ts';

const ROOT = defaultRoot('./clusters/a');
const RENDERED = { kind: 'rendered', objects: [] } as const;
const FAILED = { kind: 'failed', reason: 'BuildFailed', message: 'broken' } as const;

function head(name: string, url = 'https://github.com/acme/fleet-infra', branch = 'main', oid = 'a'): SourceHead {
  return {
    type: 'SourceHead',
    source: { cluster: 'a', kind: 'GitRepository', namespace: 'flux-system', name },
    revision: `${branch}@sha1:${oid.repeat(40)}`,
    digest: `sha256:${oid}`,
    url,
    observedAt: 1,
  };
}

function node(
  name: string,
  children: readonly string[] = [],
  more: Partial<KustomizationNode> & { readonly spec?: Partial<Kustomization> } = {},
): KustomizationNode {
  const { spec, ...rest } = more;
  return {
    kustomization: { ...ROOT, path: `./apps/${name}`, name, ...spec },
    revision: 'r',
    render: RENDERED,
    children: children.map((child) => ({ namespace: 'flux-system', name: child })),
    stalled: false,
    ...rest,
  };
}

function desired(nodes: readonly KustomizationNode[], more: Partial<DesiredState> = {}): DesiredState {
  return {
    cluster: 'a',
    report: { repository: 'https://github.com/acme/fleet-infra', commit: 'a'.repeat(40) },
    revision: 'r',
    nodes,
    stalled: [],
    missingSources: [],
    heads: [head('flux-system')],
    doubts: [],
    leftOut: [],
    secrets: [],
    ...more,
  };
}

/** What a next run reads of the journal after these records. */
function after(records: readonly JournalRecord[], before?: PreviousState): PreviousState {
  const declarations = new Map(before?.remembered?.declarations);
  const lastRenders = new Map(before?.remembered?.lastRenders);
  for (const record of records) {
    const read = parseJournalRecord(formatJournalRecord(record));
    const name = journalKey(record).key.replace(/^[^/]*\//, '');
    if (read?.type === 'Declaration') declarations.set(name, read);
    else if (read?.type === 'LastRender') lastRenders.set(name, read);
    else (journalKey(record).key.startsWith('declaration/') ? declarations : lastRenders).delete(name);
  }
  return { fluxObjects: undefined, statuses: new Map(), remembered: { declarations, lastRenders } };
}

const NOTHING: PreviousState = { fluxObjects: undefined, statuses: new Map() };

function keysOf(records: readonly JournalRecord[]): readonly string[] {
  return records.map((record) => `${record.type} ${journalKey(record).key}`).sort();
}

describe('what is remembered of what is declared', () => {
  it('is the root, every Kustomization with who declares it, and where those were read', () => {
    const elsewhere = head('elsewhere', 'https://github.com/acme/app');
    const release = head('release', 'https://github.com/acme/fleet-infra', 'release');
    const infra = head('infra');
    const heads = [head('flux-system'), infra, elsewhere, release];

    const records = rememberDeclarations(desired([node('flux-system', ['app']), node('app')], { heads }), NOTHING, 5);

    expect(records).toEqual<readonly (DeclarationRecord | LastRenderRecord)[]>([
      { type: 'Declaration', cluster: 'a', kustomization: node('flux-system').kustomization },
      {
        type: 'Declaration',
        cluster: 'a',
        kustomization: node('app').kustomization,
        by: { namespace: 'flux-system', name: 'flux-system' },
      },
      {
        type: 'LastRender',
        cluster: 'a',
        namespace: 'flux-system',
        name: 'flux-system',
        heads: [head('flux-system'), infra],
      },
    ]);
  });

  it('is written once, and only the heads anew with a new commit', () => {
    const nodes = [node('flux-system', ['app']), node('app')];
    const known = after(rememberDeclarations(desired(nodes), NOTHING, 5));
    const heads = [head('flux-system', undefined, 'main', 'b')];

    expect(rememberDeclarations(desired(nodes), known, 6)).toEqual([]);
    expect(keysOf(rememberDeclarations(desired(nodes, { heads }), known, 6))).toEqual([
      'LastRender last-render/flux-system/flux-system',
    ]);
  });

  it('stays as it is while what declares it is broken, whatever is rendered from it', () => {
    const known = after(
      rememberDeclarations(desired([node('flux-system', ['app']), node('app', ['inner']), node('inner')]), NOTHING, 5),
    );
    const lastRender = { brokenBy: { namespace: 'flux-system', name: 'flux-system' }, isPinned: true };
    const broken = desired([
      node('flux-system', ['app'], { render: FAILED }),
      node('app', [], { lastRender, spec: { path: './other' } }),
    ]);

    expect(rememberDeclarations(broken, known, 6)).toEqual([]);
  });

  it('is forgotten when what declared it was read and declares it no more, even while another is broken', () => {
    const nodes = [node('flux-system', ['app', 'other']), node('app'), node('other', ['inner']), node('inner')];
    const known = after(rememberDeclarations(desired(nodes), NOTHING, 5));
    const now = desired([node('flux-system', ['other']), node('other', ['inner'], { render: FAILED })]);

    expect(keysOf(rememberDeclarations(now, known, 6))).toEqual(['Tombstone declaration/flux-system/app']);
  });

  it('is forgotten with all of it when Git says nothing of it any more', () => {
    const nodes = [node('flux-system', ['app']), node('app', ['inner']), node('inner')];
    const known = after(rememberDeclarations(desired(nodes), NOTHING, 5));

    expect(keysOf(rememberDeclarations(desired([node('flux-system')]), known, 6))).toEqual([
      'Tombstone declaration/flux-system/app',
      'Tombstone declaration/flux-system/inner',
      'Tombstone last-render/flux-system/app',
      'Tombstone last-render/flux-system/flux-system',
    ]);
  });

  it('of a root that goes by another name now is the new one only', () => {
    const known = after(rememberDeclarations(desired([node('flux-system')]), NOTHING, 5));
    const renamed = desired([node('cluster', ['app']), node('app', [], { render: FAILED })]);

    expect(keysOf(rememberDeclarations(renamed, known, 6))).toContain('Tombstone declaration/flux-system/flux-system');
  });

  it.each<readonly [string, Partial<Kustomization>, readonly string[]]>([
    ['is larger than a record may be', { patches: [{ patch: 'x'.repeat(MAX_RECORD_BYTES) }] }, []],
    ['holds a value of a Secret', { annotations: { a: 'hunter2-hunter2' } }, ['hunter2-hunter2']],
  ])('is not a declaration that %s, and not the one before it either', (_case, spec, secrets) => {
    const known = after(rememberDeclarations(desired([node('flux-system', ['app']), node('app')]), NOTHING, 5));
    const now = desired([node('flux-system', ['app']), node('app', [], { spec })], { secrets });

    expect(keysOf(rememberDeclarations(now, known, 6))).toEqual(['Tombstone declaration/flux-system/app']);
    expect(rememberDeclarations(now, after(rememberDeclarations(now, known, 6), known), 7)).toEqual([]);
  });
});
