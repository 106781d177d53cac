import type { ObjectId } from '#shared/api/kubernetes-object.ts';
import { TidegateError, describeError } from '#shared/errors/tidegate-error.ts';
import { KubernetesApiError } from '#shared/ports/kubernetes-api.ts';

import type { ApplyFailure } from './desired-state.ts';

/** Tells why a request about an object failed; of a Secret only which fields, for the server quotes values. */
export function describeRefusal(id: ObjectId, error: unknown): ApplyFailure {
  if (!(error instanceof KubernetesApiError)) {
    const reason = error instanceof TidegateError ? error.code : 'InternalError';
    return { id, reason, message: describeError(error) };
  }
  const { reason, message, causes } = error.status;
  if (id.kind !== 'Secret') {
    return { id, reason, message };
  }
  const fields = causes.map((cause) => cause.field).filter((field) => field !== undefined);
  return { id, reason, message: `the server refused it${fields.length === 0 ? '' : ` for ${fields.join(', ')}`}` };
}
