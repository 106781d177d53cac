import type { KubernetesObject } from '#shared/api/kubernetes-object.ts';

import type { Health } from './health-status.ts';
import { conditionOf } from './live-fields.ts';
import { current, failed, inProgress } from './verdicts.ts';

/** A definition is current when it is established, and failed when another one has its names. */
export function assessCustomResourceDefinition(object: KubernetesObject): Health {
  const names = conditionOf(object, 'NamesAccepted');
  if (names?.status === 'False') {
    return failed(names.message || names.reason);
  }
  const established = conditionOf(object, 'Established');
  return established?.status === 'True'
    ? current('established')
    : inProgress(established?.message || 'not established');
}
