import { TidegateError, describeError } from '#shared/common/tidegate-error.ts';
import { KubernetesApiError, type KubernetesStatus } from '#shared/kubernetes/api-error.ts';
import { FILLED_FIELDS, type FilledField } from '#shared/kubernetes/filled-fields.ts';
import type { KubernetesObject, ObjectId } from '#shared/kubernetes/kubernetes-object.ts';
import { redactTypedValues } from '#shared/kubernetes/mistyped-field.ts';
import { pathInObject } from '#shared/kubernetes/path-in-object.ts';

import type { ApplyFailure } from '../model/apply-request.ts';

/** One thing that a server says of one field. */
interface Complaint {
  /** As the server writes it: `.spec.replicas`, `spec.ports[0].port`. */
  readonly field: string;
  readonly words: string;
}

/** Longer than any path that a person wrote; what a server quotes is bounded by this. */
const MAX_FIELD = 500;
/** How structured merge diff and the two decoders begin what they say. */
const TYPED = /^failed to create typed \w+ object \([^)]{0,500}\): (?:errors:\n)?/u;
const UNMARSHAL =
  /cannot unmarshal (\w{1,20})(?: .{1,200}?)? into Go struct field [^. ]{1,200}\.([^ ]{1,500}) of type ([^ ;,\n]{1,200})/u;
const UNKNOWN_FIELD = /unknown field "([^"]{1,500})"/gu;
const END_OF_PATH =
  /: (?:expected |field not declared|duplicate |must |may |cannot |invalid |unknown |key |associative |failed )/u;

/**
 * Tells why a request about an object failed: the field first, for that is what a person looks for. Of a Secret, and of a
 * field that a value of one was filled into, only which field and what it has to be, for the server quotes values.
 *
 * @param sent what was sent, when that may be the reason.
 */
export function describeRefusal(id: ObjectId, error: unknown, sent?: KubernetesObject): ApplyFailure {
  if (!(error instanceof KubernetesApiError)) {
    const reason = error instanceof TidegateError ? error.code : 'InternalError';
    return { id, reason, message: describeError(error) };
  }
  const { reason, causes } = error.status;
  const message = redactTypedValues(error.status.message, sent);
  const complaints = readComplaints({ message, causes });
  const [first] = complaints;
  const field = first === undefined ? {} : { field: first.field };
  if (id.kind === 'Secret') {
    const told = first === undefined ? 'the server refused it' : complaints.map(tellWithoutValue).join('\n');
    return { id, reason, message: told, ...field };
  }
  const secrets = sent?.[FILLED_FIELDS]?.filter(({ isSecret }) => isSecret) ?? [];
  const told = complaints.map((one) => tell(one, secrets, sent)).join('\n');
  return { id, reason, message: first === undefined ? message : told, ...field };
}

function readComplaints({ message, causes }: Pick<KubernetesStatus, 'message' | 'causes'>): readonly Complaint[] {
  const structured = causes.flatMap((cause) =>
    cause.field === undefined || cause.field === '' ? [] : [{ field: cause.field, words: cause.message ?? 'invalid' }],
  );
  if (structured.length > 0) return structured;
  const typed = TYPED.exec(message)?.[0];
  if (typed !== undefined) return message.slice(typed.length).split('\n').flatMap(readFault);
  const unmarshal = UNMARSHAL.exec(message);
  if (unmarshal !== null) {
    const [, found = '', field = '', type = ''] = unmarshal;
    return [{ field: `.${field}`, words: `expected ${type}, got ${found}` }];
  }
  return [...message.matchAll(UNKNOWN_FIELD)].map(([, field = '']) => ({ field: `.${field}`, words: 'unknown field' }));
}

/** `  .spec.replicas: expected numeric, got string`; a key in the path may hold any character, a colon and a space too. */
function readFault(line: string): readonly Complaint[] {
  const text = line.trim();
  const end = text.startsWith('.') ? text.slice(0, MAX_FIELD).search(END_OF_PATH) : -1;
  const words = text.slice(end + 2).replace('numeric (int or float)', 'numeric');
  return end < 0 ? [] : [{ field: text.slice(0, end), words }];
}

/** The field that a text of such faults begins with. */
export function fieldOf(message: string): string | undefined {
  return readFault(message.split('\n', 1)[0] ?? '')[0]?.field;
}

function tell(complaint: Complaint, secrets: readonly FilledField[], sent: KubernetesObject | undefined): string {
  const { field, words } = complaint;
  const path = secrets.length === 0 ? [] : pathInObject(field, sent);
  const quoted = secrets.filter((filled) =>
    filled.path.every((part, index) => index >= path.length || part === path[index]),
  );
  if (quoted.length === 0) return `${field}: ${words}`;
  const variables = [...new Set(quoted.flatMap((filled) => filled.variables))];
  const source = `what ${variables.length === 1 ? 'variable' : 'variables'} ${variables.join(', ')} filled in is not shown`;
  return `${tellWithoutValue(complaint)}; ${source}`;
}

/** What a field has to be is no secret, nor is the type of what is there; all else may quote what is. */
function tellWithoutValue({ field, words }: Complaint): string {
  return /^(?:expected [\w ()]{1,40}, got \w|field not declared in schema$|unknown field$)/u.test(words)
    ? `${field}: ${words}`
    : `${field}: the server refused it`;
}
