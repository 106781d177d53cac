import type { KubernetesObject } from '#shared/api/kubernetes-object.ts';

/** The object at a field, or an empty one: what the server leaves out reads as nothing set. */
export function fieldsOf(value: unknown, field: string): Readonly<Record<string, unknown>> {
  const found = isFields(value) ? value[field] : undefined;
  return isFields(found) ? found : {};
}

/** The number at a field, or what counts when there is none. */
export function numberOf(fields: Readonly<Record<string, unknown>>, field: string, absent = 0): number {
  const value = fields[field];
  return typeof value === 'number' ? value : absent;
}

/** The text at a field, or the empty one. */
export function textOf(fields: Readonly<Record<string, unknown>>, field: string): string {
  const value = fields[field];
  return typeof value === 'string' ? value : '';
}

export interface LiveCondition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

/** The condition of a type, if the object has it. */
export function conditionOf(object: KubernetesObject, type: string): LiveCondition | undefined {
  const conditions = fieldsOf(object, 'status')['conditions'];
  const found: unknown = Array.isArray(conditions)
    ? conditions.find((condition) => isFields(condition) && condition['type'] === type)
    : undefined;
  return isFields(found)
    ? { type, status: textOf(found, 'status'), reason: textOf(found, 'reason'), message: textOf(found, 'message') }
    : undefined;
}

function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
