import type { KubernetesObject } from '../kubernetes-object.ts';
import type { Health } from './health-status.ts';
import { conditionsOf, UnreadableField, valueAt, wholeNumber } from './live-fields.ts';
import { current, failed, inProgress } from './verdicts.ts';

// As many digits as fit into 64 bits; BigInt would read any text, hexadecimal and of any length, too.
const WHOLE_NUMBER = /^-?\d{1,19}$/;

/** What keeps an object of any kind from being current: it goes away, its controller has not looked, or says so itself. */
export function assessUnsettled(object: KubernetesObject): Health | undefined {
  const deleted = valueAt(object, 'metadata', 'deletionTimestamp');
  if (deleted !== undefined && typeof deleted !== 'string') {
    throw new UnreadableField('metadata.deletionTimestamp', deleted, 'a text');
  }
  if (deleted !== undefined && deleted !== '') return { status: 'Terminating', message: 'it is being deleted' };
  const generation = generationOf(object);
  const observed = generation === undefined ? undefined : observedGenerationOf(object);
  if (observed !== undefined && observed !== generation) {
    return inProgress(`generation is ${generation}, its controller has seen ${observed}`);
  }
  const telling = conditionsOf(object).find(
    ({ type, status }) => (type === 'Reconciling' || type === 'Stalled') && status === 'True',
  );
  if (telling === undefined) return undefined;
  const words = telling.message || telling.reason || `it is ${telling.type.toLowerCase()}`;
  return telling.type === 'Stalled' ? failed(words) : inProgress(words);
}

/** A kind without rules of its own: its Ready condition counts; without one, being there is enough. */
export function assessGeneric(object: KubernetesObject): Health {
  const ready = conditionsOf(object).find(
    ({ type, status }) => type === 'Ready' && ['True', 'False', 'Unknown'].includes(status),
  );
  if (ready === undefined || ready.status === 'True') return current(ready?.message || 'it exists');
  return inProgress(ready.message || ready.reason || 'it is not ready');
}

/** A kind that is done by being there, whatever it says of itself. */
export function assessPresence(): Health {
  return current('it exists');
}

/** The generation of what is wanted, if the object has one. @throws UnreadableField */
export function generationOf(object: KubernetesObject): bigint | undefined {
  return readWhole(valueAt(object, 'metadata', 'generation'), 'metadata.generation');
}

/**
 * The generation that the controller has seen, if it says so. Some write it as a text (Argo Rollouts), which kstatus
 * cannot read at all; it is the same number. @throws UnreadableField
 */
export function observedGenerationOf(object: KubernetesObject): bigint | undefined {
  const observed = valueAt(object, 'status', 'observedGeneration');
  const read = typeof observed === 'string' && WHOLE_NUMBER.test(observed) ? BigInt(observed) : observed;
  return readWhole(read, 'status.observedGeneration');
}

function readWhole(value: unknown, path: string): bigint | undefined {
  const whole = wholeNumber(value);
  if (whole === undefined && value !== undefined) throw new UnreadableField(path, value, 'a whole number');
  return whole;
}
