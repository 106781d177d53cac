import type { KubernetesObject } from '#shared/api/kubernetes-object.ts';

import type { Health } from './health-status.ts';
import { conditionOf, fieldsOf, textOf } from './live-fields.ts';
import { current, failed, inProgress } from './verdicts.ts';

/** A Pod is current when it is ready or has succeeded. */
export function assessPod(object: KubernetesObject): Health {
  const phase = textOf(fieldsOf(object, 'status'), 'phase');
  switch (phase) {
    case 'Succeeded':
      return current('succeeded');
    case 'Failed':
      return failed('the pod failed');
    case 'Running': {
      const ready = conditionOf(object, 'Ready');
      return ready?.status === 'True' ? current('ready') : inProgress(ready?.message || 'running, not ready');
    }
    default: {
      const scheduled = conditionOf(object, 'PodScheduled');
      return inProgress(scheduled?.status === 'False' ? scheduled.message || scheduled.reason : phase || 'not started');
    }
  }
}
