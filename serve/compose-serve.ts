import { join } from 'node:path';

import { createGithubWebhookHandler } from '#functions/github-webhook/handler.ts';
import { createImageUpdateHandler } from '#functions/image-update/handler.ts';
import { createNotifyHandler } from '#functions/notify/handler.ts';
import { createReconcileHandler } from '#functions/reconcile/handler.ts';
import { createSourceSyncHandler } from '#functions/source-sync/handler.ts';
import { diskApplyRecords } from '#shared/adapters/disk/disk-apply-records.ts';
import { createDiskArtifactStore } from '#shared/adapters/disk/disk-artifact-store.ts';
import { createEcrImageRegistry } from '#shared/adapters/ecr/ecr-image-registry.ts';
import { createIsomorphicGitRemote } from '#shared/adapters/git/isomorphic-git-remote.ts';
import { createGitHubChangeHost } from '#shared/adapters/github/github-change-host.ts';
import { createGitHubClient } from '#shared/adapters/github/github-client.ts';
import { createGitHubCommitStatuses } from '#shared/adapters/github/github-commit-statuses.ts';
import { createGitHubSourceCredentials } from '#shared/adapters/github/github-source-credentials.ts';
import { createKubectlRenderer } from '#shared/adapters/kubectl/kubectl-renderer.ts';
import type { KubeconfigConnection } from '#shared/adapters/kubernetes/kubeconfig-connection.ts';
import { kubeconfigConnection } from '#shared/adapters/kubernetes/kubeconfig-connection.ts';
import { kubernetesHttpApi } from '#shared/adapters/kubernetes/kubernetes-http-api.ts';
import { createSqsEventSource } from '#shared/adapters/sqs/sqs-event-source.ts';
import { defined } from '#shared/common/defined.ts';
import { TidegateError } from '#shared/common/tidegate-error.ts';
import { createUpdateImagesMemory } from '#shared/image-update/update-images.ts';
import { createQuietTimes } from '#shared/journal/quiet-times.ts';
import { createTreeRoom } from '#shared/reconcile/tree-room.ts';
import { createRenderCache } from '#shared/render/render-cache.ts';
import { warnOfKubeconfigBundle } from '#shared/settings/certificate-bundle.ts';
import type { ClusterSettings } from '#shared/settings/settings.ts';
import { DEFAULT_SOURCE_LIMITS } from '#shared/sources/artifact.ts';
import { parseWebhookSecrets } from '#shared/webhooks/parse-webhook-secrets.ts';

import { openLeaseHolder } from './hold-cluster-lease.ts';
import { nameStateFolder } from './name-state-folder.ts';
import type { QueueHandler, ServeHandlers, ServeResources } from './serve-handlers.ts';
import { startArtifactSweep } from './start-artifact-sweep.ts';

const MAX_RENDERS = 1_000;

/** What the composition is told besides the settings. */
export interface ComposeOptions {
  readonly version: string;
  /** Path of the kubectl that renders. */
  readonly kubectl: string;
}

/** Makes the five functions of what is on this machine: the only place where they meet their adapters. */
export async function composeServe(resources: ServeResources, options: ComposeOptions): Promise<ServeHandlers> {
  const { settings, journal, queues, secrets, clock, log, linkFor } = resources;
  const { version } = options;
  const { stateFolder } = settings.serve;
  const { apiUrl } = settings.github;

  const quietTimes = createQuietTimes(journal, clock, { perOwner: settings.github.privateKeySecret !== undefined });
  const client = createGitHubClient({ settings: settings.github, secrets, version, log, quietTimes, clock });
  const credentials = createGitHubSourceCredentials({ client, secrets, apiUrl });
  const gitRemote = createIsomorphicGitRemote({ version });
  const artifactFolder = join(stateFolder, 'artifacts');
  const artifacts = createDiskArtifactStore(artifactFolder);
  const imageRegistry = createEcrImageRegistry({ registries: settings.registries.ecr });
  const records = diskApplyRecords(join(stateFolder, 'records'));
  // The lock on the state folder is ours, and so are the builds.
  const renderer = await createKubectlRenderer({ kubectl: options.kubectl, folder: join(stateFolder, 'builds') });
  const renders = createRenderCache(MAX_RENDERS);
  const trees = createTreeRoom();
  const leases = await openLeaseHolder(stateFolder, clock);
  const installation = {
    name: settings.installation,
    repository: settings.configRepository.url,
    branch: settings.configRepository.branch,
    store: await nameStateFolder(stateFolder),
  };
  const clusters = settings.clusters.map((cluster) => {
    const connection = connectTo(cluster);
    return { cluster, connection, api: kubernetesHttpApi(connection, { version }) };
  });
  const sweep = startArtifactSweep({
    folder: artifactFolder,
    clusters: settings.clusters.map(({ name }) => name),
    journal,
    clock,
    log,
  });
  const { ecrEventsQueueUrl } = settings.serve;
  const ecrEvents = ecrEventsQueueUrl === undefined ? undefined : createSqsEventSource({ queueUrl: ecrEventsQueueUrl });

  return {
    githubWebhook: createGithubWebhookHandler({
      queues,
      readSecrets: async () => parseWebhookSecrets((await secrets.read(settings.github.webhookSecret)) ?? ''),
      log: log.child({ function: 'github-webhook' }),
    }),
    sourceSync: createSourceSyncHandler({
      settings,
      tickMs: settings.serve.tickSeconds * 1000,
      gitRemote,
      artifacts,
      journal,
      credentials,
      clock,
      githubApiUrl: apiUrl,
      limits: DEFAULT_SOURCE_LIMITS,
      log: log.child({ function: 'source-sync' }),
    }),
    imageUpdate: createImageUpdateHandler({
      settings,
      changeHost: createGitHubChangeHost(client),
      gitRemote,
      sourceCredentials: credentials,
      imageRegistry,
      journal,
      clock,
      quietTimes,
      memory: createUpdateImagesMemory(),
      log: log.child({ function: 'image-update' }),
    }),
    reconcile: new Map<string, QueueHandler>(
      clusters.map(({ cluster, connection, api }) => {
        const runLog = log.child({ function: 'reconcile', cluster: cluster.name });
        const handler = createReconcileHandler({
          cluster,
          server: connection.server,
          warnOfAuthority: (now) => warnOfKubeconfigBundle(cluster.name, connection.certificateAuthority(), now),
          installation,
          ports: { api, artifacts, records, journal, renderer, renders, trees, clock, log: runLog },
          acquireLease: () => leases.acquire(api),
        });
        return [cluster.name, handler];
      }),
    ),
    notify: createNotifyHandler({
      queues,
      statuses: createGitHubCommitStatuses(client),
      quietTimes,
      style: { ...settings.statuses, linkFor },
      log: log.child({ function: 'notify' }),
    }),
    ...defined({ ecrEvents }),
    close: async () => {
      sweep.stop();
      await leases.retire();
      imageRegistry.close();
      ecrEvents?.close();
      await Promise.all(clusters.map(({ api }) => api.close()));
    },
  };
}

function connectTo({ name, target }: ClusterSettings): KubeconfigConnection {
  if (target.kind === 'kubeconfig') return kubeconfigConnection(target);
  throw new TidegateError(
    'ClusterTargetUnsupported',
    `cluster ${name}: serve reaches a cluster through a kubeconfig; run \`aws eks update-kubeconfig --name ${target.name} --region ${target.region}\` and name its context in kubeconfig.context`,
    { disposition: 'stall', subject: name },
  );
}
