import type { KubernetesObject } from '../kubernetes-object.ts';
import { generationOf, observedGenerationOf } from './generic.ts';
import type { Health } from './health-status.ts';
import { fieldsOf, numberOf, wholeNumber } from './live-fields.ts';
import { current, inProgress } from './verdicts.ts';

/** A DaemonSet is current when every node that should has an available pod of the new template. */
export function assessDaemonSet(object: KubernetesObject): Health {
  const status = fieldsOf(object, 'status');
  const wanted = wholeNumber(status['desiredNumberScheduled']) ?? -1n;
  if (generationOf(object) === undefined || observedGenerationOf(object) === undefined || wanted === -1n) {
    return inProgress('its controller has not seen it yet');
  }
  for (const [field, word] of [
    ['currentNumberScheduled', 'scheduled'],
    ['updatedNumberScheduled', 'updated'],
    ['numberAvailable', 'available'],
    ['numberReady', 'ready'],
  ] as const) {
    const count = numberOf(status, field);
    if (count < wanted) return inProgress(`${word}: ${count}/${wanted}`);
  }
  return current(`available: ${wanted}/${wanted}`);
}
