import type { KubernetesObject } from '../kubernetes-object.ts';
import type { Health } from './health-status.ts';
import { fieldsOf, numberOf, textOf } from './live-fields.ts';
import { current, inProgress } from './verdicts.ts';

/** A StatefulSet is current when its pods are ready and those above the partition are of the new revision. */
export function assessStatefulSet(object: KubernetesObject): Health {
  const spec = fieldsOf(object, 'spec');
  const status = fieldsOf(object, 'status');
  const strategy = fieldsOf(spec, 'updateStrategy');
  if (textOf(strategy, 'type') === 'OnDelete') return current('it is updated as its pods are deleted by hand');
  const wanted = numberOf(spec, 'replicas', 1n);
  const replicas = numberOf(status, 'replicas');
  const ready = numberOf(status, 'readyReplicas');
  if (replicas < wanted || ready < wanted) return inProgress(`ready: ${ready < replicas ? ready : replicas}/${wanted}`);
  if (replicas > wanted) return inProgress(`replicas to go: ${replicas - wanted}`);
  const partition = numberOf(fieldsOf(strategy, 'rollingUpdate'), 'partition', -1n);
  return partition === -1n ? assessRevision(status, wanted) : assessPartition(status, wanted - partition);
}

function assessPartition(status: Readonly<Record<string, unknown>>, wanted: bigint): Health {
  const updated = numberOf(status, 'updatedReplicas');
  return updated < wanted ? inProgress(`updated: ${updated}/${wanted}`) : current(`updated: ${updated}`);
}

function assessRevision(status: Readonly<Record<string, unknown>>, wanted: bigint): Health {
  const ofRevision = numberOf(status, 'currentReplicas');
  if (ofRevision < wanted) return inProgress(`of the current revision: ${ofRevision}/${wanted}`);
  return textOf(status, 'currentRevision') === textOf(status, 'updateRevision')
    ? current(`ready: ${numberOf(status, 'readyReplicas')}/${wanted}`)
    : inProgress('the new revision is not the current one yet');
}
