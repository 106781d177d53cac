import type { KubernetesStatus } from './api-error.ts';

/**
 * Sentences in which servers, rules in CustomResourceDefinitions and admission say that a field cannot change. Whole
 * sentences, from their first word on: "a tag that is immutable" is a wish about a value, not about a change.
 */
const IMMUTABLE = [
  /^field is immutable\b/i,
  /^(?:the )?(?:\S+ ){0,3}?\S+ (?:is|are) immutable(?: (?:after|once|when|except|and)\b.*)?[.,;]?$/i,
  /^once (?:set|created|defined),? (?:\S+ ){1,4}(?:is|are) immutable[.]?$/i,
  /^(?:cannot (?:change|update|modify) )?(?:an? )?immutable field\b/i,
  /^(?:\w+ updates )?may not (?:be )?(?:change|update)/i,
  /^(?:(?:the )?(?:\S+ ){0,3}\S+ )?(?:cannot|can not|can't|must not|may not) be (?:changed|modified|updated|altered|edited)(?: (?:after|once|when|in an update)\b.*)?[.]?$/i,
  /^cannot change \S+$/i,
  /^updates to .+ (?:is|are) forbidden\b/i,
  // A rule without a message of its own; any other rule about `oldSelf` may allow some changes.
  /^failed rule: (?:self == oldSelf|oldSelf == self)$/,
];

/** "It is not for one that is immutable": a subject that is a condition. */
const CONDITION = /\b(?:must|that|which|only|unless|if|not)\b.*\b(?:is|are) immutable/i;

const DENIED = /^.{0,300}?(?:admission webhook "[^"]*" denied the request|denied request): /;
const FIELD = /^[\w-]+(?:[.[][\w.[\]"'/-]*)?$/;
const DOTTED = /^(?:the )?(?:field )?[`'"]?(\w+(?:\.\w+|\[\w*\])+)[`'"]?(?: field)? /i;

/**
 * The field that cannot change on a live object, when that and only that is why the server refused. The server's own causes
 * decide where it gives them; admission mostly gives a text alone, which has to name a field.
 */
export function immutableField(status: KubernetesStatus): string | undefined {
  const causes = status.causes.filter((cause) => cause.field !== undefined);
  if (causes.length === 0) {
    return ['Invalid', 'Forbidden'].includes(status.reason) ? deniedField(status.message) : undefined;
  }
  if (status.reason !== 'Invalid' || causes.length < status.causes.length) return undefined;
  return causes.every(({ message }) => saysImmutable(detailOf(message ?? ''))) ? causes[0]?.field : undefined;
}

/** The field of a denial by a webhook or a policy, as `spec.size: Forbidden: field is immutable` or `spec.size is immutable`. */
function deniedField(message: string): string | undefined {
  const prefix = DENIED.exec(message)?.[0];
  if (prefix === undefined) return undefined;
  const words = message.slice(prefix.length);
  const colon = words.indexOf(': ');
  const field = words.slice(0, Math.max(colon, 0));
  if (FIELD.test(field)) {
    const rest = words.slice(colon + 2);
    return /^(?:Forbidden|Invalid value): /.test(rest) && saysImmutable(detailOf(rest)) ? field : undefined;
  }
  return saysImmutable(words) ? DOTTED.exec(words)?.[1] : undefined;
}

function saysImmutable(detail: string): boolean {
  return IMMUTABLE.some((pattern) => pattern.test(detail)) && !CONDITION.test(detail);
}

/**
 * What a server says about a value, without the value, which may hold any words: the first line of
 * `Invalid value: {"app":"b"}: field is immutable` after the value, or of `Forbidden: field is immutable`.
 */
function detailOf(message: string): string {
  const said = /^(Invalid value|Forbidden): /.exec(message);
  const rest = said === null ? message : message.slice(said[0].length);
  const detail = said?.[1] === 'Invalid value' ? rest.slice(endOfValue(rest)) : rest;
  return detail.slice(0, 500).split('\n', 1)[0]?.trim() ?? '';
}

/** Where the words after a quoted value begin: behind the first `: ` that is in no text and no bracket. */
function endOfValue(text: string): number {
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at);
    if (quoted && character === '\\') {
      at++;
    } else if (character === '"') {
      quoted = !quoted;
    } else if (!quoted && '{[('.includes(character)) {
      depth++;
    } else if (!quoted && '}])'.includes(character)) {
      depth--;
    } else if (!quoted && depth === 0 && text.startsWith(': ', at)) {
      return at + 2;
    }
  }
  return text.length;
}
