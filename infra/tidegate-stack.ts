import { KubectlV36Layer } from '@aws-cdk/lambda-layer-kubectl-v36';
import type { StackProps } from 'aws-cdk-lib';
import { Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';

import { ArtifactBucket } from '#infra/constructs/artifact-bucket.ts';
import { ClusterReconciler } from '#infra/constructs/cluster-reconciler.ts';
import { DroppedMessages } from '#infra/constructs/dropped-messages.ts';
import { EcrEvents } from '#infra/constructs/ecr-events.ts';
import { GatewayEndpoints } from '#infra/constructs/gateway-endpoints.ts';
import { ImageUpdateWorker } from '#infra/constructs/image-update-worker.ts';
import { JournalTable } from '#infra/constructs/journal-table.ts';
import { Notifier } from '#infra/constructs/notifier.ts';
import { Operations } from '#infra/constructs/operations.ts';
import { Outputs } from '#infra/constructs/outputs.ts';
import { PeoplePolicies } from '#infra/constructs/people-policies.ts';
import { Secrets } from '#infra/constructs/secrets.ts';
import { SourceSyncWorker } from '#infra/constructs/source-sync-worker.ts';
import { Ticks } from '#infra/constructs/ticks.ts';
import { WebhookEndpoint } from '#infra/constructs/webhook-endpoint.ts';
import type { EksCluster } from '#shared/settings/eks-clusters.ts';
import type { Settings } from '#shared/settings/settings.ts';
import { messageGroup } from '#shared/work/message-group.ts';

import type { Bundles } from './bundle-functions.ts';
import { stackOrigin } from './stack-origin.ts';

export interface TidegateStackProps extends StackProps {
  readonly settings: Settings;
  /** Those of this stack's region. */
  readonly clusters: readonly EksCluster[];
  /** Folder of each function's bundle. */
  readonly bundles: Bundles;
}

/** Tidegate for the clusters of one region: from the webhook to the clusters, everything in it. */
export class TidegateStack extends Stack {
  constructor(scope: Construct, id: string, props: TidegateStackProps) {
    super(scope, id, props);
    const { settings, clusters, bundles } = props;
    const { github, registries } = settings;
    this.templateOptions.metadata = { Tidegate: stackOrigin(settings) };

    const secrets = new Secrets(this, 'Secrets', github);
    const journal = new JournalTable(this, 'Journal');
    const artifacts = new ArtifactBucket(this, 'Artifacts');

    const sourceSync = new SourceSyncWorker(this, 'SourceSync', {
      bundle: bundles['source-sync'],
      clusters,
      journal,
      artifacts,
      secrets,
    });
    const imageUpdate = new ImageUpdateWorker(this, 'ImageUpdate', {
      bundle: bundles['image-update'],
      clusters,
      registries: registries.ecr,
      journal,
      secrets,
    });
    const kubectl = new KubectlV36Layer(this, 'Kubectl');
    new GatewayEndpoints(
      this,
      'Endpoints',
      clusters.flatMap(({ target }) => target.vpc ?? []),
    );
    const reconcilers = clusters.map((cluster) => ({
      cluster,
      reconciler: new ClusterReconciler(this, `Reconcile-${cluster.name}`, {
        cluster,
        bundle: bundles.reconcile(cluster.name),
        kubectl,
        journal,
        artifacts,
      }),
    }));
    const queues = { sourceSync: sourceSync.queue, imageUpdate: imageUpdate.queue };
    const notifier = new Notifier(this, 'Notify', {
      ...queues,
      bundle: bundles.notify,
      journal,
      secrets,
      reconcile: reconcilers.map(({ reconciler }) => reconciler.queue),
    });
    const webhook = new WebhookEndpoint(this, 'Webhook', {
      ...queues,
      bundle: bundles['github-webhook'],
      github,
      secrets,
    });
    new EcrEvents(this, 'EcrEvents', registries.ecr, imageUpdate.queue);
    const ticks = new Ticks(this, 'Ticks', [
      { id: 'source-sync', queue: sourceSync.queue, group: 'tick' },
      { id: 'image-update', queue: imageUpdate.queue, group: 'tick' },
      ...reconcilers.map(({ cluster, reconciler }) => ({
        id: `reconcile-${cluster.name}`,
        queue: reconciler.queue,
        group: messageGroup(cluster.name),
      })),
    ]);
    const workers = {
      'source-sync': sourceSync.worker,
      'image-update': imageUpdate.worker,
      notify: notifier.worker,
      'notify-statuses': notifier.teller,
      ...Object.fromEntries(
        reconcilers.map(({ cluster, reconciler }) => [`reconcile-${cluster.name}`, reconciler.worker]),
      ),
    };
    new DroppedMessages(this, 'Dropped', workers);
    const operations = new Operations(this, 'Operations', {
      queues: {
        'source-sync': sourceSync.queue,
        'image-update': imageUpdate.queue,
        ...Object.fromEntries(
          reconcilers.map(({ cluster, reconciler }) => [`reconcile-${cluster.name}`, reconciler.queue]),
        ),
      },
      workers: { 'github-webhook': webhook.worker, ...workers },
    });
    const people = new PeoplePolicies(this, 'People', { journal, operations, secrets, ticks });
    new Outputs(this, 'Outputs', { github, artifacts, webhookUrl: webhook.url, reconcilers, imageUpdate, people });
  }
}
