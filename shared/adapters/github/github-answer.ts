/** What GitHub said instead of doing what was asked, as far as anything is decided by it. */
export interface GitHubAnswer {
  /** 200 where errors of GraphQL came with it; undefined when nothing came at all. */
  readonly status: number | undefined;
  /** By names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** The message, and those of its errors; REST names the field and the code in them. */
  readonly words: string;
  /** GraphQL's kinds of errors: `RATE_LIMITED`, `FORBIDDEN`. */
  readonly types: readonly string[];
  readonly documentationUrl: string;
}

const MAX_WORDS = 2_000;
const MAX_ERRORS = 50;

/** Reads the answer out of what Octokit threw: a status that is no success, or errors of GraphQL. */
export function readAnswer(error: unknown): GitHubAnswer {
  const response = fieldOf(error, 'response');
  const data = fieldOf(response, 'data');
  // GraphQL's own error has the answer's body where the others have the response.
  const body = isGraphqlError(error) ? response : (data ?? response);
  const headers = fieldOf(isGraphqlError(error) ? error : response, 'headers');
  const status = isGraphqlError(error)
    ? 200
    : (numberOf(fieldOf(error, 'status')) ?? numberOf(fieldOf(response, 'status')));
  const answer = answerOf(status, headers, body);
  const words = answer.words === '' && error instanceof Error ? error.message.slice(0, MAX_WORDS) : answer.words;
  return { ...answer, words };
}

/** The errors that a successful answer of GraphQL holds; undefined when it holds none. */
export function readGraphqlErrors(response: unknown): GitHubAnswer | undefined {
  const body = fieldOf(response, 'data');
  const errors = fieldOf(body, 'errors');
  // A secondary limit may come as a bare message.
  const isRefusal = (Array.isArray(errors) && errors.length > 0) || fieldOf(body, 'message') !== undefined;
  return isRefusal ? answerOf(200, fieldOf(response, 'headers'), body) : undefined;
}

/** The headers of an answer, whatever became of it. */
export function headersOf(response: unknown): GitHubAnswer['headers'] {
  return readHeaders(fieldOf(response, 'headers'));
}

/** Whether Octokit threw because an answer of GraphQL held errors. */
export function isGraphqlError(error: unknown): boolean {
  return error instanceof Error && error.name === 'GraphqlResponseError';
}

function answerOf(status: number | undefined, headers: unknown, body: unknown): GitHubAnswer {
  const errors = fieldOf(body, 'errors');
  const parts = Array.isArray(errors) ? errors.slice(0, MAX_ERRORS) : [];
  const words = [textOf(fieldOf(body, 'message')), ...parts.map(describePart)].filter((text) => text !== '').join('; ');
  return {
    // No answer at all is a 500 of Octokit's own making, without a response.
    status: body === undefined && headers === undefined ? undefined : status,
    headers: readHeaders(headers),
    words: words.slice(0, MAX_WORDS),
    types: parts.map((part) => textOf(fieldOf(part, 'type'))).filter((type) => type !== ''),
    documentationUrl: textOf(fieldOf(body, 'documentation_url')),
  };
}

function describePart(part: unknown): string {
  if (typeof part === 'string') return part;
  const message = textOf(fieldOf(part, 'message'));
  const where = [textOf(fieldOf(part, 'field')), textOf(fieldOf(part, 'code'))].filter((text) => text !== '').join(' ');
  return [where, message].filter((text) => text !== '').join(': ');
}

function readHeaders(headers: unknown): GitHubAnswer['headers'] {
  if (typeof headers !== 'object' || headers === null) return {};
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)]));
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}
