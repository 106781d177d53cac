import type { KubernetesObject } from '../kubernetes-object.ts';
import type { Health } from './health-status.ts';
import { conditionsOf } from './live-fields.ts';
import { current, failed, inProgress } from './verdicts.ts';

/** A definition is current when it is established, and failed when another one has its names. */
export function assessCustomResourceDefinition(object: KubernetesObject): Health {
  const conditions = conditionsOf(object);
  for (const { type, status, reason, message } of conditions) {
    if (type === 'NamesAccepted' && status === 'False') {
      return failed(message || reason || 'its names are not accepted');
    }
    if (type === 'Established' && status === 'True') return current('established');
    if (type === 'Established' && status === 'False' && reason !== 'Installing') {
      return failed(message || reason || 'not established');
    }
  }
  return inProgress(conditions.find(({ type }) => type === 'Established')?.message || 'not established');
}
