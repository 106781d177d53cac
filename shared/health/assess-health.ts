import { parseApiVersion, type KubernetesObject } from '#shared/api/kubernetes-object.ts';

import { assessCustomResourceDefinition } from './custom-resource-definition.ts';
import { assessDaemonSet } from './daemon-set.ts';
import { assessDeployment } from './deployment.ts';
import { assessGeneric, assessGenericDoubts } from './generic.ts';
import type { Health } from './health-status.ts';
import { assessJob } from './job.ts';
import { assessNamespace } from './namespace.ts';
import { assessPersistentVolumeClaim } from './persistent-volume-claim.ts';
import { assessPod } from './pod.ts';
import { assessPodDisruptionBudget } from './pod-disruption-budget.ts';
import { assessReplicaSet } from './replica-set.ts';
import { assessService } from './service.ts';
import { assessStatefulSet } from './stateful-set.ts';

const BY_KIND: Readonly<Record<string, (object: KubernetesObject) => Health>> = {
  '/Namespace': assessNamespace,
  '/PersistentVolumeClaim': assessPersistentVolumeClaim,
  '/Pod': assessPod,
  '/Service': assessService,
  'apiextensions.k8s.io/CustomResourceDefinition': assessCustomResourceDefinition,
  'apps/DaemonSet': assessDaemonSet,
  'apps/Deployment': assessDeployment,
  'apps/ReplicaSet': assessReplicaSet,
  'apps/StatefulSet': assessStatefulSet,
  'batch/Job': assessJob,
  'policy/PodDisruptionBudget': assessPodDisruptionBudget,
};

/** How a live object is, in kstatus' words: what holds for every kind first, then what its kind means by done. */
export function assessHealth(object: KubernetesObject): Health {
  const { group } = parseApiVersion(object.apiVersion);
  const doubts = assessGenericDoubts(object);
  return doubts ?? (BY_KIND[`${group}/${object.kind}`] ?? assessGeneric)(object);
}
