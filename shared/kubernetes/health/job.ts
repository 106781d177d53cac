import type { KubernetesObject } from '../kubernetes-object.ts';
import type { Health } from './health-status.ts';
import { conditionsOf, fieldsOf, numberOf, textOf } from './live-fields.ts';
import { current, failed, inProgress } from './verdicts.ts';

/** A Job is current when it is complete or suspended; a running one is in progress, as Flux waits for completion. */
export function assessJob(object: KubernetesObject): Health {
  if (fieldsOf(object, 'spec')['suspend'] === true) return current('suspended');
  const done = conditionsOf(object).find(
    ({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True',
  );
  if (done !== undefined) {
    return done.type === 'Complete' ? current('complete') : failed(done.message || done.reason || 'the job failed');
  }
  const status = fieldsOf(object, 'status');
  if (textOf(status, 'startTime') === '') return inProgress('not started');
  return inProgress(
    `running: ${numberOf(status, 'active')} active, ${numberOf(status, 'succeeded')} succeeded, ${numberOf(status, 'failed')} failed`,
  );
}
