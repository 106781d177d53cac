import type { KubernetesObject } from '../kubernetes-object.ts';
import type { Health } from './health-status.ts';
import {
  conditionsOf,
  fieldsOf,
  isFields,
  textOf,
  UnreadableField,
  valueAt,
  type LiveCondition,
} from './live-fields.ts';
import { current, failed, inProgress, unknown } from './verdicts.ts';

/** How long the scheduler may look for a node before a pod counts as one that finds none. */
const SCHEDULE_WINDOW_MS = 15_000;

/** A Pod is current when it is ready, or has ended: a failed one has been restarted by nobody, and is not waited for. */
export function assessPod(object: KubernetesObject, now: number): Health {
  const conditions = conditionsOf(object);
  const phase = textOf(fieldsOf(object, 'status'), 'phase');
  switch (phase) {
    case 'Succeeded':
      return current('succeeded');
    case 'Failed':
      return current('ended, but not successfully');
    case 'Running':
      return assessRunning(object, conditions);
    case 'Pending':
      return assessPending(object, conditions, now);
    case '':
      return inProgress('not started');
    default:
      return unknown(`its phase is ${phase}`);
  }
}

function assessRunning(object: KubernetesObject, conditions: readonly LiveCondition[]): Health {
  if (conditions.some(({ type, status }) => type === 'Ready' && status === 'True')) return current('ready');
  const crashing = crashLooping(object);
  return crashing.length > 0
    ? failed(`containers that crash again and again: ${crashing.join(', ')}`)
    : inProgress(conditions.find(({ type }) => type === 'Ready')?.message || 'running, not ready');
}

function assessPending(object: KubernetesObject, conditions: readonly LiveCondition[], now: number): Health {
  const unscheduled = conditions.find(({ type, status }) => type === 'PodScheduled' && status === 'False');
  if (unscheduled?.reason !== 'Unschedulable') {
    return inProgress(unscheduled?.message || unscheduled?.reason || 'pending');
  }
  const created = Date.parse(textOf(object.metadata, 'creationTimestamp'));
  return created > now - SCHEDULE_WINDOW_MS
    ? inProgress('not scheduled yet')
    : failed(unscheduled.message || 'it could not be scheduled');
}

/** Containers that end as soon as they are started, by name. */
function crashLooping(object: KubernetesObject): readonly string[] {
  const containers = valueAt(object, 'status', 'containerStatuses');
  if (containers === undefined) return [];
  if (!Array.isArray(containers)) throw new UnreadableField('status.containerStatuses', containers, 'a list');
  return containers.flatMap((container: unknown) => {
    const waiting = fieldsOf(fieldsOf(container, 'state'), 'waiting');
    const name = isFields(container) ? container['name'] : undefined;
    return typeof name === 'string' && textOf(waiting, 'reason') === 'CrashLoopBackOff' ? [name] : [];
  });
}
