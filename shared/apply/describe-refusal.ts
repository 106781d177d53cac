import type { KubernetesObject, ObjectId } from '#shared/api/kubernetes-object.ts';
import { TidegateError, describeError } from '#shared/errors/tidegate-error.ts';
import { KubernetesApiError } from '#shared/ports/kubernetes-api.ts';

import type { ApplyFailure } from './desired-state.ts';
import { concealTypedValues, typedFaultsOf } from './mistyped-field.ts';

/**
 * Tells why a request about an object failed; of a Secret only which fields, for the server quotes values.
 *
 * @param sent what was sent, when that may be the reason.
 */
export function describeRefusal(id: ObjectId, error: unknown, sent?: KubernetesObject): ApplyFailure {
  if (!(error instanceof KubernetesApiError)) {
    const reason = error instanceof TidegateError ? error.code : 'InternalError';
    return { id, reason, message: describeError(error) };
  }
  const { reason, causes } = error.status;
  const message = concealTypedValues(error.status.message, sent);
  if (id.kind !== 'Secret') {
    return { id, reason, message };
  }
  const typed = typedFaultsOf(message);
  if (typed !== undefined) {
    return { id, reason, message: typed };
  }
  const fields = causes.map((cause) => cause.field).filter((field) => field !== undefined);
  return { id, reason, message: `the server refused it${fields.length === 0 ? '' : ` for ${fields.join(', ')}`}` };
}
