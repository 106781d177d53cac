import type { KubernetesObject } from '#shared/api/kubernetes-object.ts';

import type { Health } from './health-status.ts';
import { conditionOf, fieldsOf, numberOf } from './live-fields.ts';
import { current, failed, inProgress } from './verdicts.ts';

/** A Deployment is current when all replicas are of the new template and available, and the old ones are gone. */
export function assessDeployment(object: KubernetesObject): Health {
  const progressing = conditionOf(object, 'Progressing');
  if (progressing?.reason === 'ProgressDeadlineExceeded') {
    return failed(progressing.message || 'progress deadline exceeded');
  }
  const status = fieldsOf(object, 'status');
  if (status['observedGeneration'] === undefined) {
    return inProgress('its controller has not seen it yet');
  }
  const wanted = numberOf(fieldsOf(object, 'spec'), 'replicas', 1);
  const updated = numberOf(status, 'updatedReplicas');
  const replicas = numberOf(status, 'replicas');
  const available = numberOf(status, 'availableReplicas');
  const ready = numberOf(status, 'readyReplicas');
  if (updated < wanted) {
    return inProgress(`updated: ${updated}/${wanted}`);
  }
  if (replicas > wanted) {
    return inProgress(`old replicas to go: ${replicas - wanted}`);
  }
  if (available < wanted) {
    return inProgress(`available: ${available}/${wanted}`);
  }
  return ready < wanted ? inProgress(`ready: ${ready}/${wanted}`) : current(`available: ${available}/${wanted}`);
}
