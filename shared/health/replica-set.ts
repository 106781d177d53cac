import type { KubernetesObject } from '#shared/api/kubernetes-object.ts';

import type { Health } from './health-status.ts';
import { conditionOf, fieldsOf, numberOf } from './live-fields.ts';
import { current, inProgress } from './verdicts.ts';

/** A ReplicaSet is current when as many pods as wanted are available, and no more. */
export function assessReplicaSet(object: KubernetesObject): Health {
  const failure = conditionOf(object, 'ReplicaFailure');
  if (failure?.status === 'True') {
    return inProgress(failure.message || failure.reason);
  }
  const status = fieldsOf(object, 'status');
  const wanted = numberOf(fieldsOf(object, 'spec'), 'replicas', 1);
  const labelled = numberOf(status, 'fullyLabeledReplicas');
  const available = numberOf(status, 'availableReplicas');
  const replicas = numberOf(status, 'replicas');
  if (labelled < wanted || available < wanted) {
    return inProgress(`available: ${Math.min(labelled, available)}/${wanted}`);
  }
  return replicas > wanted
    ? inProgress(`replicas to go: ${replicas - wanted}`)
    : current(`available: ${available}/${wanted}`);
}
