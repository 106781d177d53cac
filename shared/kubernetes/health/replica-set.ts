import type { KubernetesObject } from '../kubernetes-object.ts';
import type { Health } from './health-status.ts';
import { conditionsOf, fieldsOf, numberOf } from './live-fields.ts';
import { current, inProgress } from './verdicts.ts';

/** A ReplicaSet is current when as many pods as wanted are available and ready, and no more. */
export function assessReplicaSet(object: KubernetesObject): Health {
  const failure = conditionsOf(object).find(({ type, status }) => type === 'ReplicaFailure' && status === 'True');
  if (failure !== undefined) return inProgress(failure.message || failure.reason || 'pods cannot be made');
  const status = fieldsOf(object, 'status');
  const wanted = numberOf(fieldsOf(object, 'spec'), 'replicas', 1n);
  for (const [field, word] of [
    ['fullyLabeledReplicas', 'labelled'],
    ['availableReplicas', 'available'],
    ['readyReplicas', 'ready'],
  ] as const) {
    const count = numberOf(status, field);
    if (count < wanted) return inProgress(`${word}: ${count}/${wanted}`);
  }
  const replicas = numberOf(status, 'replicas');
  return replicas > wanted
    ? inProgress(`replicas to go: ${replicas - wanted}`)
    : current(`available: ${numberOf(status, 'availableReplicas')}/${wanted}`);
}
