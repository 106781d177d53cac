import type { KubernetesObject } from '../kubernetes-object.ts';
import type { Health } from './health-status.ts';
import { fieldsOf, textOf } from './live-fields.ts';
import { current, inProgress } from './verdicts.ts';

/** A claim is current when it is bound. */
export function assessPersistentVolumeClaim(object: KubernetesObject): Health {
  const phase = textOf(fieldsOf(object, 'status'), 'phase');
  return phase === 'Bound' ? current('bound') : inProgress(`not bound: ${phase || 'no phase yet'}`);
}
