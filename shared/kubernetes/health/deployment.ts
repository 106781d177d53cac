import type { KubernetesObject } from '../kubernetes-object.ts';
import type { Health } from './health-status.ts';
import { conditionsOf, fieldsOf, numberOf } from './live-fields.ts';
import { current, failed, inProgress } from './verdicts.ts';

/** What the server takes for "no deadline": the controller then writes no Progressing condition. */
const NO_DEADLINE = 2n ** 31n - 1n;

/** A Deployment is current when all replicas are of the new template, the old ones are gone, and it says it is available. */
export function assessDeployment(object: KubernetesObject): Health {
  const conditions = conditionsOf(object);
  const late = conditions.find(({ type, reason }) => type === 'Progressing' && reason === 'ProgressDeadlineExceeded');
  if (late !== undefined) return failed(late.message || 'progress deadline exceeded');
  const spec = fieldsOf(object, 'spec');
  const status = fieldsOf(object, 'status');
  const wanted = numberOf(spec, 'replicas', 1n);
  const updated = numberOf(status, 'updatedReplicas');
  const replicas = numberOf(status, 'replicas');
  const available = numberOf(status, 'availableReplicas');
  const ready = numberOf(status, 'readyReplicas');
  if (replicas < wanted || updated < wanted) {
    return inProgress(`updated: ${updated < replicas ? updated : replicas}/${wanted}`);
  }
  if (replicas > wanted) return inProgress(`old replicas to go: ${replicas - wanted}`);
  if (available < updated) return inProgress(`available: ${available}/${updated}`);
  if (ready < wanted) return inProgress(`ready: ${ready}/${wanted}`);
  const rolledOut = conditions.some(
    ({ type, status, reason }) => type === 'Progressing' && status === 'True' && reason === 'NewReplicaSetAvailable',
  );
  if (!rolledOut && numberOf(spec, 'progressDeadlineSeconds', NO_DEADLINE) !== NO_DEADLINE) {
    return inProgress('its new ReplicaSet is not available yet');
  }
  return conditions.some(({ type, status }) => type === 'Available' && status === 'True')
    ? current(`available: ${available}/${wanted}`)
    : inProgress('it is not available yet');
}
