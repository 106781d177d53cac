import type { KubernetesObject } from '#shared/api/kubernetes-object.ts';

import type { Health } from './health-status.ts';
import { conditionOf, fieldsOf, numberOf } from './live-fields.ts';
import { current, failed, inProgress } from './verdicts.ts';

/** What keeps an object of any kind from being current: it goes away, its controller has not looked, or says so itself. */
export function assessGenericDoubts(object: KubernetesObject): Health | undefined {
  if (object.metadata['deletionTimestamp'] !== undefined) {
    return { status: 'Terminating', message: 'it is being deleted' };
  }
  const generation = numberOf(object.metadata, 'generation');
  const observed = fieldsOf(object, 'status')['observedGeneration'];
  if (typeof observed === 'number' && observed !== generation) {
    return inProgress(`generation is ${generation}, its controller has seen ${observed}`);
  }
  const stalled = conditionOf(object, 'Stalled');
  if (stalled?.status === 'True') {
    return failed(stalled.message || stalled.reason);
  }
  const reconciling = conditionOf(object, 'Reconciling');
  return reconciling?.status === 'True' ? inProgress(reconciling.message || reconciling.reason) : undefined;
}

/** A kind without rules of its own: its Ready condition counts; without one, being there is enough. */
export function assessGeneric(object: KubernetesObject): Health {
  const ready = conditionOf(object, 'Ready');
  if (ready === undefined || ready.status === 'True') {
    return current(ready?.message || 'it exists');
  }
  return inProgress(ready.message || ready.reason || 'it is not ready');
}
