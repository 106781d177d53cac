import type { KubernetesObject } from '#shared/api/kubernetes-object.ts';

import type { Health } from './health-status.ts';
import { fieldsOf, textOf } from './live-fields.ts';
import { current } from './verdicts.ts';

/** A Namespace is current unless it goes away. */
export function assessNamespace(object: KubernetesObject): Health {
  const phase = textOf(fieldsOf(object, 'status'), 'phase');
  return phase === 'Terminating' ? { status: 'Terminating', message: 'it is being deleted' } : current('active');
}
