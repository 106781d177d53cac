import type { KubernetesObject } from '#shared/api/kubernetes-object.ts';

import type { Health } from './health-status.ts';
import { fieldsOf, numberOf, textOf } from './live-fields.ts';
import { current, inProgress } from './verdicts.ts';

/** A StatefulSet is current when its pods are ready and those above the partition are of the new revision. */
export function assessStatefulSet(object: KubernetesObject): Health {
  const spec = fieldsOf(object, 'spec');
  const status = fieldsOf(object, 'status');
  const strategy = fieldsOf(spec, 'updateStrategy');
  if (textOf(strategy, 'type') === 'OnDelete') {
    return current('it is updated as its pods are deleted by hand');
  }
  if (status['observedGeneration'] === undefined) {
    return inProgress('its controller has not seen it yet');
  }
  const wanted = numberOf(spec, 'replicas', 1);
  const replicas = numberOf(status, 'replicas');
  const ready = numberOf(status, 'readyReplicas');
  if (replicas < wanted || ready < wanted) {
    return inProgress(`ready: ${Math.min(replicas, ready)}/${wanted}`);
  }
  if (replicas > wanted) {
    return inProgress(`replicas to go: ${replicas - wanted}`);
  }
  const partition = numberOf(fieldsOf(strategy, 'rollingUpdate'), 'partition');
  const updated = numberOf(status, 'updatedReplicas');
  const toUpdate = Math.max(0, wanted - partition);
  if (updated < toUpdate) {
    return inProgress(`updated: ${updated}/${toUpdate}`);
  }
  if (partition === 0 && textOf(status, 'currentRevision') !== textOf(status, 'updateRevision')) {
    return inProgress('the new revision is not the current one yet');
  }
  return current(`ready: ${ready}/${wanted}`);
}
