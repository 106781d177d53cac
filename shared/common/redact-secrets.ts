/** What a secret looks like wherever it turns up. Linear patterns only: the text may come from outside. */
const SECRET_SHAPES: readonly RegExp[] = [
  /-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[A-Za-z0-9+/=\s\\]*(?:-----END [A-Z ]{0,40}PRIVATE KEY-----)?/gu,
  /\bgh[pousr]_[A-Za-z0-9_]{16,}/gu,
  /\bgithub_pat_[A-Za-z0-9_]{16,}/gu,
  /\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*/gu,
  /\bk8s-aws-v1\.[A-Za-z0-9_-]{8,}/gu,
  /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/gu,
  /\bsha256=[0-9a-f]{64}\b/gu,
];
const CREDENTIAL_HEADER = /\b(bearer|basic|token)[ \t]+[A-Za-z0-9._~+/=-]{12,}/giu;
const URL_CREDENTIALS = /\b([a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/@]{1,512}@/giu;
const SECRET_FIELD =
  /^(?:.*(?:password|passwd|secret|privatekey|signature|credential|authorization|cookie)s?|(?:.*[_.-])?token|.*Token|tokens)$/iu;
const MARK = '[redacted]';

/** Whether a text is, or holds, a key or token of a kind we know. */
export function looksLikeSecret(text: string): boolean {
  return SECRET_SHAPES.some((shape) => text.search(shape) !== -1);
}

/** Takes out everything that looks like a secret, and every one of the `known` values. */
export function redactText(text: string, known: Iterable<string> = []): string {
  let clean = text;
  for (const secret of known) clean = clean.replaceAll(secret, MARK);
  for (const shape of SECRET_SHAPES) clean = clean.replace(shape, MARK);
  return clean.replace(CREDENTIAL_HEADER, `$1 ${MARK}`).replace(URL_CREDENTIALS, `$1${MARK}@`);
}

/** As `redactText` for structured values; a field whose name says that it holds a secret is not shown at all. */
export function redactFields(value: unknown, known: Iterable<string> = [], depth = 0): unknown {
  if (typeof value === 'string') return redactText(value, known);
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Error) return { name: value.name, message: redactText(value.message, known) };
  if (value instanceof Uint8Array) return `[${value.byteLength} bytes]`;
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= 6) return '[too deep]';
  if (Array.isArray(value)) return value.map((item) => redactFields(item, known, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([key, item]: [string, unknown]) => [
      redactText(key, known),
      SECRET_FIELD.test(key) ? MARK : redactFields(item, known, depth + 1),
    ]),
  );
}
