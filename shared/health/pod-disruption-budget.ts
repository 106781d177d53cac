import type { KubernetesObject } from '#shared/api/kubernetes-object.ts';

import type { Health } from './health-status.ts';
import { fieldsOf, numberOf } from './live-fields.ts';
import { current, inProgress } from './verdicts.ts';

/** A budget is current when its controller has seen it and as many pods as it asks for are healthy. */
export function assessPodDisruptionBudget(object: KubernetesObject): Health {
  const status = fieldsOf(object, 'status');
  if (status['observedGeneration'] === undefined) {
    return inProgress('its controller has not seen it yet');
  }
  const healthy = numberOf(status, 'currentHealthy');
  const wanted = numberOf(status, 'desiredHealthy');
  return healthy < wanted ? inProgress(`healthy: ${healthy}/${wanted}`) : current(`healthy: ${healthy}/${wanted}`);
}
