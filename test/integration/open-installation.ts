import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

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
import type { ConfigurationPlace } from '#shared/engine/lease/installation.ts';
import { ROOT_NAME } from '#shared/flux/resource-key.ts';
import type { Journal } from '#shared/ports/journal.ts';
import type { KubernetesApi } from '#shared/ports/kubernetes-api.ts';
import type { Logger } from '#shared/ports/logger.ts';
import type { ReconcileOutcome, ReconcileRequest } from '#shared/reconcile/reconcile-cluster.ts';
import { reconcileCluster } from '#shared/reconcile/reconcile-cluster.ts';
import { createTreeRoom } from '#shared/reconcile/tree-room.ts';
import type { EventRecord, StatusRecord } from '#shared/records/journal-record.ts';
import { createRenderCache } from '#shared/render/render-cache.ts';
import { artifactDigest, packArtifact } from '#shared/sources/artifact.ts';
import type { RunningCluster } from '#stand-ins/kubernetes/start-cluster.ts';

const SILENT: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => SILENT };

/** What the settings of an installation say, and where it keeps its state. */
export interface InstallationOptions {
  readonly place: ConfigurationPlace;
  readonly name?: string;
  /** What it calls the cluster. */
  readonly cluster?: string;
  /** Where its state is; another one for a copy of it. */
  readonly store?: string;
}

/** One installation with all of its state, on a cluster that others use as well. */
export interface OpenInstallation {
  readonly api: KubernetesApi;
  /** The journal as it is now. */
  journal(): Journal;
  /** Changes its settings. */
  configure(changes: Partial<InstallationOptions>): void;
  /** Makes these files the newest state of the configuration repository. */
  commit(files: Readonly<Record<string, string>>): Promise<void>;
  run(changes?: Partial<ReconcileRequest>): Promise<ReconcileOutcome>;
  loseJournal(): Promise<void>;
  loseRecords(): Promise<void>;
  /** The status of its root. */
  status(): Promise<StatusRecord | undefined>;
  events(): Promise<readonly EventRecord[]>;
  close(): Promise<void>;
}

let stores = 0;

export async function openInstallation(
  cluster: RunningCluster,
  options: InstallationOptions,
): Promise<OpenInstallation> {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-installation-'));
  stores += 1;
  const api = kubernetesHttpApi(kubeconfigConnection({ context: cluster.contextName, file: cluster.kubeconfigPath }), {
    version: 'test',
  });
  const artifacts = createDiskArtifactStore(join(folder, 'artifacts'));
  const renderer = await createKubectlRenderer({ kubectl: cluster.kubectlPath });
  const renders = createRenderCache(100);
  const trees = createTreeRoom();
  let settings = { name: 'default', cluster: 'my-cluster', store: `store-${stores}`, ...options };
  let files: Readonly<Record<string, string>> = {};
  let lives = 0;
  let database = openSqliteDatabase(join(folder, `life-${lives}`));
  let commits = 0;
  const journal = () => createSqliteJournal(database, systemClock);
  const writeHead = async (): Promise<void> => {
    commits += 1;
    const tree = new Map<string, SourceFile>(
      Object.entries(files).map(([path, text]) => [path, { bytes: Buffer.from(text), executable: false }]),
    );
    const bytes = await packArtifact(tree);
    const digest = artifactDigest(bytes);
    await artifacts.put(digest, bytes);
    await journal().write([
      {
        type: 'SourceHead',
        source: { cluster: settings.cluster, kind: 'GitRepository', ...ROOT_NAME },
        revision: `main@sha1:${commits.toString(16).padStart(40, '0')}`,
        digest,
        url: settings.place.repository,
        observedAt: Date.now(),
      },
    ]);
  };
  return {
    api,
    journal,
    configure(changes) {
      settings = { ...settings, ...changes };
    },
    async commit(changed) {
      files = changed;
      await writeHead();
    },
    async run(changes = {}) {
      const lease = await acquireClusterLease(api, systemClock, {
        holder: settings.store,
        giveUpAt: Date.now() + 20_000,
      });
      if (lease === undefined) throw new Error('the lease of the test cluster is taken');
      const { name, cluster: of, place, store } = settings;
      try {
        return await reconcileCluster(
          {
            cluster: of,
            path: place.path,
            installation: { name, repository: place.repository, branch: place.branch, store },
            pruneGuard: { maxObjects: 5, maxPercent: 20 },
            deadline: Date.now() + 60_000,
            awaitHealthUntil: Date.now() + 30_000,
            holdsLease: () => lease.holds(),
            ...changes,
          },
          {
            api,
            artifacts,
            records: diskApplyRecords(join(folder, 'records')),
            journal: journal(),
            renderer,
            renders,
            trees,
            clock: systemClock,
            log: SILENT,
          },
        );
      } finally {
        await lease.release();
      }
    },
    async loseJournal() {
      database.close();
      lives += 1;
      database = openSqliteDatabase(join(folder, `life-${lives}`));
      await writeHead();
    },
    async loseRecords() {
      await rm(join(folder, 'records'), { recursive: true, force: true });
    },
    async status() {
      const record = await journal().read(settings.cluster, 'status/Kustomization/flux-system/flux-system');
      return record?.type === 'Status' ? record : undefined;
    },
    async events() {
      const records = await journal().list(settings.cluster, 'event/');
      return records.filter((record) => record.type === 'Event');
    },
    async close() {
      await api.close();
      database.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
