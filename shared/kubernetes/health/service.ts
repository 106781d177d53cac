import type { KubernetesObject } from '../kubernetes-object.ts';
import type { Health } from './health-status.ts';
import { fieldsOf, textOf } from './live-fields.ts';
import { current, inProgress } from './verdicts.ts';

/** A Service is current when the cluster reaches it. The address of a load balancer comes from outside, and is not waited for. */
export function assessService(object: KubernetesObject): Health {
  const spec = fieldsOf(object, 'spec');
  return textOf(spec, 'type') === 'LoadBalancer' && textOf(spec, 'clusterIP') === ''
    ? inProgress('it has no clusterIP yet')
    : current('it exists');
}
