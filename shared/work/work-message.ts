import { z } from 'zod';

/** Queues by name; each cluster has a reconcile queue of its own. */
export type QueueName = 'source-sync' | 'image-update' | `reconcile/${string}`;

const Source = z.object({
  cluster: z.string(),
  kind: z.literal('GitRepository'),
  namespace: z.string(),
  name: z.string(),
});

/** Everything that goes through a work queue, but for ECR's own events. Hints, all of them: each worker reads the truth again. */
export const WorkMessage = z.discriminatedUnion('type', [
  /** A ref of a repository moved. To source-sync and, for branches of our own, image-update. */
  z.object({
    type: z.literal('RepositoryPushed'),
    /** `https://github.com/acme/fleet-infra`, without `.git`. */
    repository: z.string(),
    ref: z.string(),
    after: z.string(),
    deliveryId: z.string(),
  }),
  /** A pull request was opened, closed or merged. To image-update. */
  z.object({
    type: z.literal('PullRequestChanged'),
    repository: z.string(),
    number: z.number(),
    action: z.string(),
    deliveryId: z.string(),
  }),
  /** To source-sync: read this source now. */
  z.object({ type: z.literal('SyncSource'), source: Source }),
  /** To reconcile: something the cluster depends on has changed. */
  z.object({ type: z.literal('Reconcile'), cluster: z.string(), reason: z.string() }),
  /** To image-update: a cluster's Flux objects have changed. */
  z.object({ type: z.literal('InstructionsChanged'), cluster: z.string() }),
  /** To every queue, once a minute. */
  z.object({ type: z.literal('Tick'), id: z.string() }),
]);
export type WorkMessage = z.infer<typeof WorkMessage>;
