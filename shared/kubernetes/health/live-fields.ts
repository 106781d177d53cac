import type { KubernetesObject } from '../kubernetes-object.ts';

type Fields = Readonly<Record<string, unknown>>;

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

/** A live object has another shape than its health can be read from. */
export class UnreadableField extends Error {
  constructor(path: string, value: unknown, expected: string) {
    super(`.${path} is ${shapeOf(value)}, not ${expected}`);
    this.name = 'UnreadableField';
  }
}

/** The object at a field, or an empty one: what the server leaves out reads as nothing set. */
export function fieldsOf(value: unknown, field: string): Fields {
  const found = isFields(value) ? value[field] : undefined;
  return isFields(found) ? found : {};
}

/** The whole number at a field, or what counts when there is none; a text of digits is none. */
export function numberOf(fields: Fields, field: string, absent = 0n): bigint {
  return wholeNumber(fields[field]) ?? absent;
}

/** The text at a field, or what counts when there is none. */
export function textOf(fields: Fields, field: string, absent = ''): string {
  const value = fields[field];
  return typeof value === 'string' ? value : absent;
}

/** A whole number of 64 bits, which is what Kubernetes counts with, however JSON was read. */
export function wholeNumber(value: unknown): bigint | undefined {
  if (typeof value !== 'bigint' && (typeof value !== 'number' || !Number.isInteger(value))) return undefined;
  const whole = BigInt(value);
  return whole >= INT64_MIN && whole <= INT64_MAX ? whole : undefined;
}

/** The value at a path, or undefined where one of its fields is missing. @throws UnreadableField where one is no object. */
export function valueAt(object: KubernetesObject, ...path: readonly string[]): unknown {
  let value: unknown = object;
  for (const [index, field] of path.entries()) {
    if (value === undefined || value === null) return undefined;
    if (!isFields(value)) throw new UnreadableField(path.slice(0, index).join('.'), value, 'an object');
    value = value[field];
  }
  return value;
}

/** A condition that a controller wrote. */
export interface LiveCondition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

/** All conditions, in the order of the object, which decides where two of them contradict. @throws UnreadableField */
export function conditionsOf(object: KubernetesObject): readonly LiveCondition[] {
  const conditions = valueAt(object, 'status', 'conditions') ?? [];
  if (!Array.isArray(conditions)) throw new UnreadableField('status.conditions', conditions, 'a list');
  return conditions.map((condition: unknown, index) => readCondition(condition, `status.conditions[${index}]`));
}

function readCondition(condition: unknown, path: string): LiveCondition {
  const fields = condition ?? {};
  if (!isFields(fields)) throw new UnreadableField(path, condition, 'an object');
  const read = (field: string): string => {
    const value = fields[field] ?? '';
    if (typeof value !== 'string') throw new UnreadableField(`${path}.${field}`, value, 'a text');
    return value;
  };
  return { type: read('type'), status: read('status'), reason: read('reason'), message: read('message') };
}

/** Whether a value is a JSON object. */
export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

// Never the value itself: what stands where it should not may be anything.
function shapeOf(value: unknown): string {
  if (typeof value === 'string') return 'a text';
  if (typeof value === 'number' || typeof value === 'bigint') return 'another number';
  if (Array.isArray(value)) return 'a list';
  return isFields(value) ? 'an object' : String(value);
}
