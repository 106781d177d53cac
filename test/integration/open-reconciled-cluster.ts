import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative, sep } from 'node:path';

import { systemClock } from '#shared/adapters/clock/system-clock.ts';
import { diskApplyRecords } from '#shared/adapters/disk/disk-apply-records.ts';
import { createDiskArtifactStore } from '#shared/adapters/disk/disk-artifact-store.ts';
import { createKubectlRenderer } from '#shared/adapters/kubectl/kubectl-renderer.ts';
import { kubeconfigConnection } from '#shared/adapters/kubernetes/kubeconfig-connection.ts';
import { kubernetesHttpApi } from '#shared/adapters/kubernetes/kubernetes-http-api.ts';
import { openSqliteDatabase } from '#shared/adapters/sqlite/sqlite-database.ts';
import { createSqliteJournal } from '#shared/adapters/sqlite/sqlite-journal.ts';
import type { SourceFile } from '#shared/common/source-tree.ts';
import { acquireClusterLease } from '#shared/engine/lease/cluster-lease.ts';
import type { NamespacedName } from '#shared/flux/resource-key.ts';
import { ROOT_NAME } from '#shared/flux/resource-key.ts';
import type { Journal } from '#shared/ports/journal.ts';
import type { Logger } from '#shared/ports/logger.ts';
import type { ReconcileOutcome, ReconcileRequest } from '#shared/reconcile/reconcile-cluster.ts';
import { reconcileCluster } from '#shared/reconcile/reconcile-cluster.ts';
import type { ReconcilePorts } from '#shared/reconcile/reconcile-ports.ts';
import { createTreeRoom } from '#shared/reconcile/tree-room.ts';
import type { EventRecord, StatusRecord } from '#shared/records/journal-record.ts';
import { createRenderCache } from '#shared/render/render-cache.ts';
import { artifactDigest, packArtifact } from '#shared/sources/artifact.ts';
import type { RunningCluster } from '#stand-ins/kubernetes/start-cluster.ts';
import { startCluster } from '#stand-ins/kubernetes/start-cluster.ts';

const CLUSTER = 'my-cluster';
const INSTALLATION = {
  name: 'default',
  repository: 'https://github.com/acme/fleet-infra',
  branch: 'main',
  store: 'test',
};
const SILENT: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => SILENT };

/** A real cluster with everything that reconcile needs, and no more: sources are put into the journal by hand. */
export interface ReconciledCluster {
  readonly cluster: RunningCluster;
  readonly journal: Journal;
  readonly ports: ReconcilePorts;
  /** Makes these files the newest state of a source; the configuration repository where none is named. */
  commit(files: Readonly<Record<string, string>>, source?: NamespacedName, url?: string): Promise<string>;
  run(changes?: Partial<ReconcileRequest>, otherPorts?: Partial<ReconcilePorts>): Promise<ReconcileOutcome>;
  /** Takes the artifact of a revision out of the store, as a sweep would. */
  forgetArtifact(revision: string): Promise<void>;
  status(kind: string, name: string): Promise<StatusRecord | undefined>;
  events(): Promise<readonly EventRecord[]>;
  close(): Promise<void>;
}

export async function openReconciledCluster(log = SILENT): Promise<ReconciledCluster> {
  const cluster = await startCluster({});
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-reconcile-'));
  const database = openSqliteDatabase(folder);
  const journal = createSqliteJournal(database, systemClock);
  const api = kubernetesHttpApi(kubeconfigConnection({ context: cluster.contextName, file: cluster.kubeconfigPath }), {
    version: 'test',
  });
  const artifacts = createDiskArtifactStore(join(folder, 'artifacts'));
  const ports: ReconcilePorts = {
    api,
    artifacts,
    records: diskApplyRecords(join(folder, 'records')),
    journal,
    renderer: await createKubectlRenderer({ kubectl: cluster.kubectlPath }),
    renders: createRenderCache(100),
    trees: createTreeRoom(),
    clock: systemClock,
    log,
  };
  let commits = 0;
  const digests = new Map<string, string>();
  return {
    cluster,
    journal,
    ports,
    async commit(files, source = ROOT_NAME, url = 'https://github.com/acme/fleet-infra') {
      commits += 1;
      const revision = `main@sha1:${commits.toString(16).padStart(40, '0')}`;
      const tree = new Map<string, SourceFile>(
        Object.entries(files).map(([path, text]) => [path, { bytes: Buffer.from(text), executable: false }]),
      );
      const bytes = await packArtifact(tree);
      const digest = artifactDigest(bytes);
      await artifacts.put(digest, bytes);
      digests.set(revision, digest);
      await journal.write([
        {
          type: 'SourceHead',
          source: { cluster: CLUSTER, kind: 'GitRepository', ...source },
          revision,
          digest,
          url,
          observedAt: Date.now(),
        },
      ]);
      return revision;
    },
    async run(changes = {}, otherPorts = {}) {
      const lease = await acquireClusterLease(api, systemClock, { holder: 'test', giveUpAt: Date.now() + 20_000 });
      if (lease === undefined) throw new Error('the lease of the test cluster is taken');
      try {
        return await reconcileCluster(
          {
            cluster: CLUSTER,
            path: './clusters/my-cluster',
            installation: INSTALLATION,
            pruneGuard: { maxObjects: 5, maxPercent: 20 },
            deadline: Date.now() + 60_000,
            awaitHealthUntil: Date.now() + 30_000,
            holdsLease: () => lease.holds(),
            ...changes,
          },
          { ...ports, ...otherPorts },
        );
      } finally {
        await lease.release();
      }
    },
    async forgetArtifact(revision) {
      const digest = digests.get(revision) ?? '';
      await rm(join(folder, 'artifacts', `${digest.replace('sha256:', '')}.tar`));
    },
    async status(kind, name) {
      const record = await journal.read(CLUSTER, `status/${kind}/flux-system/${name}`);
      return record?.type === 'Status' ? record : undefined;
    },
    async events() {
      const records = await journal.list(CLUSTER, 'event/');
      return records.filter((record) => record.type === 'Event');
    },
    async close() {
      await api.close();
      database.close();
      await cluster.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The files of a folder by path, as a commit takes them. */
export async function readFolder(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const texts = await Promise.all(
    files.map(async (file) => [relative(folder, file).split(sep).join('/'), await readFile(file, 'utf8')] as const),
  );
  return Object.fromEntries(texts);
}
