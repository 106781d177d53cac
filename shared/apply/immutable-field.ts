import type { KubernetesStatus } from '#shared/ports/kubernetes-api.ts';

// Words of the API machinery's validators for a field that may not change; a 422 alone says only that something is wrong.
const IMMUTABLE = [
  /field is immutable/i,
  /may not (?:be )?(?:change|update)/i,
  /updates to \S+ spec for fields other than/i,
  /is immutable after creation/i,
];

/** The field that cannot change on a live object, when that and only that is why the server refused. */
export function immutableField(status: KubernetesStatus): string | undefined {
  if (status.reason !== 'Invalid' || status.causes.length === 0) {
    return undefined;
  }
  const immutable = status.causes.filter((cause) => IMMUTABLE.some((pattern) => pattern.test(cause.message ?? '')));
  return immutable.length === status.causes.length ? (immutable[0]?.field ?? 'a field') : undefined;
}
