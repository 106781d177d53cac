import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { systemClock } from '#shared/adapters/clock/system-clock.ts';
import { diskApplyRecords } from '#shared/adapters/disk/disk-apply-records.ts';
import { createDiskArtifactStore } from '#shared/adapters/disk/disk-artifact-store.ts';
import { createKubectlRenderer } from '#shared/adapters/kubectl/kubectl-renderer.ts';
import { kubernetesHttpApi } from '#shared/adapters/kubernetes/kubernetes-http-api.ts';
import { createJsonLogger } from '#shared/adapters/log/json-logger.ts';
import { openSqliteDatabase } from '#shared/adapters/sqlite/sqlite-database.ts';
import { createSqliteJournal } from '#shared/adapters/sqlite/sqlite-journal.ts';
import type { Journal } from '#shared/ports/journal.ts';
import type { DesiredState } from '#shared/reconcile/desired-state.ts';
import { observeDesiredState } from '#shared/reconcile/observe-desired-state.ts';
import { createTreeRoom } from '#shared/reconcile/tree-room.ts';
import { createRenderCache } from '#shared/render/render-cache.ts';
import { artifactDigest, packArtifact } from '#shared/sources/artifact.ts';
import { ensureClusterBinaries } from '#stand-ins/kubernetes/build-binaries.ts';

const MEGABYTE = 1024 * 1024;
const SOURCES = Array.from({ length: 20 }, (_, index) => `large-${index}`);
/** A sixteenth of what a source may hold, and so is the room. */
const SOURCE_BYTES = 4 * MEGABYTE;
const ROOM = { maxBytes: 6 * SOURCE_BYTES, readBytes: 3 * SOURCE_BYTES };
/** What is being let go of when it is counted, and what else is there: a database, pipes, texts. */
const SLACK = 2 * SOURCE_BYTES;

const folder = mkdtempSync(join(tmpdir(), 'tidegate-large-reconcile-'));
const database = openSqliteDatabase(folder);
const journal: Journal = createSqliteJournal(database, systemClock);
const artifacts = createDiskArtifactStore(join(folder, 'artifacts'));
const api = kubernetesHttpApi(
  { server: 'https://127.0.0.1:1', credentials: () => Promise.resolve({ headers: {} }) },
  { version: 'test' },
);

async function store(name: string, files: Readonly<Record<string, string | Uint8Array>>): Promise<void> {
  const tree = Object.entries(files).map(([path, data]) => {
    const bytes = typeof data === 'string' ? Buffer.from(data) : data;
    return [path, { bytes, executable: false }] as const;
  });
  const bytes = await packArtifact(new Map(tree));
  const digest = artifactDigest(bytes);
  await artifacts.put(digest, bytes);
  const source = { cluster: 'laptop', kind: 'GitRepository' as const, namespace: 'flux-system', name };
  const revision = `main@sha1:${'1'.repeat(40)}`;
  const url = 'https://github.com/acme/fleet-infra';
  await journal.write([{ type: 'SourceHead', source, revision, digest, url, observedAt: 0 }]);
}

function declare(name: string): string {
  const spec = `interval: 1m, url: "https://github.com/acme/${name}", ref: { branch: main }`;
  const metadata = `metadata: { name: ${name}, namespace: flux-system }`;
  const from = `sourceRef: { kind: GitRepository, name: ${name} }`;
  return [
    `apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\n${metadata}\nspec: { ${spec} }\n`,
    `apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n${metadata}\nspec: { interval: 1m, prune: true, path: ./app, ${from} }\n`,
  ].join('---\n');
}

/** The bytes of buffers that somebody still refers to. */
function heldBytes(): number {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  if (typeof collect === 'function') collect();
  return process.memoryUsage().arrayBuffers;
}

describe('a run over twenty sources that are larger together than what it may hold', () => {
  let before: number;
  let most = 0;
  let desired: DesiredState | undefined;

  beforeAll(async () => {
    await store('flux-system', { 'clusters/laptop/all.yaml': SOURCES.map(declare).join('---\n') });
    for (const name of SOURCES) {
      const manifest = `# ${name}\napiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name}, namespace: apps }\n`;
      await store(name, { 'app/all.yaml': manifest, 'data.bin': randomBytes(SOURCE_BYTES - manifest.length) });
    }
    const { kubectl } = await ensureClusterBinaries();
    const renderer = await createKubectlRenderer({ kubectl, folder: join(folder, 'builds') });
    before = heldBytes();
    desired = await observeDesiredState(
      { cluster: 'laptop', path: './clusters/laptop' },
      { sources: [] },
      {
        api,
        artifacts,
        records: diskApplyRecords(join(folder, 'records')),
        journal,
        renderer: {
          version: renderer.version,
          build: (request) => {
            most = Math.max(most, heldBytes() - before);
            return renderer.build(request);
          },
        },
        renders: createRenderCache(100),
        trees: createTreeRoom(ROOM),
        clock: systemClock,
        log: createJsonLogger({ level: 'error', knownSecrets: [], now: () => 0, write: () => undefined }),
      },
    );
  });
  afterAll(async () => {
    await api.close();
    database.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('renders them all', () => {
    const kinds = desired?.nodes.map(({ kustomization, render }) => `${kustomization.name} ${render.kind}`);

    expect(kinds?.toSorted()).toEqual(['flux-system', ...SOURCES].map((name) => `${name} rendered`).toSorted());
  });

  it('holds no more of them at a time than there is room for', () => {
    // Some of them are there, or this shows nothing.
    expect(most).toBeGreaterThan(SOURCE_BYTES);
    expect(most).toBeLessThan(ROOM.maxBytes + SLACK);
  });

  it('holds none when all are rendered, and says all the same where in them something stands', () => {
    expect(heldBytes() - before).toBeLessThan(SLACK);

    const places = desired?.nodes
      .filter(({ kustomization }) => kustomization.path === './app')
      .map(({ kustomization: { name }, locate }) =>
        locate?.({ group: '', kind: 'ConfigMap', namespace: 'apps', name }, ['metadata']),
      );
    expect(places).toEqual(SOURCES.map(() => ({ file: 'app/all.yaml', line: 4 })));
  });
});
