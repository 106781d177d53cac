import type { KubernetesObject } from '#shared/api/kubernetes-object.ts';

import type { Health } from './health-status.ts';
import { conditionOf, fieldsOf, numberOf } from './live-fields.ts';
import { current, failed, inProgress } from './verdicts.ts';

/** A Job is current when it is complete or suspended; a running one is in progress, as Flux waits for completion. */
export function assessJob(object: KubernetesObject): Health {
  const failure = conditionOf(object, 'Failed');
  if (failure?.status === 'True') {
    return failed(failure.message || failure.reason || 'the job failed');
  }
  if (conditionOf(object, 'Complete')?.status === 'True') {
    return current('complete');
  }
  if (conditionOf(object, 'Suspended')?.status === 'True') {
    return current('suspended');
  }
  const status = fieldsOf(object, 'status');
  if (status['startTime'] === undefined) {
    return inProgress('not started');
  }
  return inProgress(
    `running: ${numberOf(status, 'active')} active, ${numberOf(status, 'succeeded')} succeeded, ${numberOf(status, 'failed')} failed`,
  );
}
