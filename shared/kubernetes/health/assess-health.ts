import { parseApiVersion, type KubernetesObject } from '../kubernetes-object.ts';
import { assessCustomResourceDefinition } from './custom-resource-definition.ts';
import { assessDaemonSet } from './daemon-set.ts';
import { assessDeployment } from './deployment.ts';
import { assessGeneric, assessPresence, assessUnsettled } from './generic.ts';
import type { Health } from './health-status.ts';
import { assessJob } from './job.ts';
import { UnreadableField } from './live-fields.ts';
import { assessPersistentVolumeClaim } from './persistent-volume-claim.ts';
import { assessPod } from './pod.ts';
import { assessReplicaSet } from './replica-set.ts';
import { assessService } from './service.ts';
import { assessStatefulSet } from './stateful-set.ts';
import { unknown } from './verdicts.ts';

type Assess = (object: KubernetesObject, now: number) => Health;

const BY_KIND: ReadonlyMap<string, Assess> = new Map<string, Assess>([
  ['/ConfigMap', assessPresence],
  ['/PersistentVolumeClaim', assessPersistentVolumeClaim],
  ['/Pod', assessPod],
  ['/Secret', assessPresence],
  ['/Service', assessService],
  ['apiextensions.k8s.io/CustomResourceDefinition', assessCustomResourceDefinition],
  ['apps/DaemonSet', assessDaemonSet],
  ['apps/Deployment', assessDeployment],
  ['apps/ReplicaSet', assessReplicaSet],
  ['apps/StatefulSet', assessStatefulSet],
  ['batch/CronJob', assessPresence],
  ['extensions/DaemonSet', assessDaemonSet],
  ['extensions/Deployment', assessDeployment],
  ['extensions/ReplicaSet', assessReplicaSet],
  // How many of its pods are healthy now says how they are, not whether the budget is in force.
  ['policy/PodDisruptionBudget', assessPresence],
]);

/**
 * How a live object is: what kstatus (`sigs.k8s.io/cli-utils`) says of it, and of a Job what Flux says, which waits for
 * completion. What holds for every kind comes first, then what its kind means by done.
 * @param now milliseconds since the epoch; some verdicts come with time.
 */
export function assessHealth(object: KubernetesObject, now: number): Health {
  const kind = `${parseApiVersion(object.apiVersion).group}/${object.kind}`;
  try {
    // As in Flux, that a Job is being deleted does not count: one that is done stays done while its time to live ends.
    return kind === 'batch/Job'
      ? assessJob(object)
      : (assessUnsettled(object) ?? (BY_KIND.get(kind) ?? assessGeneric)(object, now));
  } catch (error) {
    if (error instanceof UnreadableField) return unknown(error.message);
    throw error;
  }
}
