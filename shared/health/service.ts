import type { KubernetesObject } from '#shared/api/kubernetes-object.ts';

import type { Health } from './health-status.ts';
import { fieldsOf, textOf } from './live-fields.ts';
import { current, inProgress } from './verdicts.ts';

/** A Service is current when it has its address; only a load balancer's comes later. */
export function assessService(object: KubernetesObject): Health {
  const spec = fieldsOf(object, 'spec');
  if (textOf(spec, 'type') !== 'LoadBalancer') {
    return current('it exists');
  }
  const ingress = fieldsOf(fieldsOf(object, 'status'), 'loadBalancer')['ingress'];
  return Array.isArray(ingress) && ingress.length > 0
    ? current('the load balancer has an address')
    : inProgress('the load balancer has no address yet');
}
