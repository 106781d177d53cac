/** An answer of GitHub's that says no: status, message, the parts at fault and what its headers tell. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    message: string,
    more: Readonly<Record<string, unknown>> = {},
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
    this.status = status;
    this.headers = headers;
    this.body = {
      message,
      ...more,
      documentation_url: 'https://docs.github.com/rest',
      status: String(status),
    };
  }
}

/** Nothing there, or nothing that the caller may know of. */
export function notFound(): Problem {
  return new Problem(404, 'Not Found');
}

/** The caller is known and may not do this; the header names the permissions that would do, where they are known. */
export function forbidden(needs: readonly Readonly<Record<string, string>>[] = []): Problem {
  const accepted = needs
    .map((alternative) =>
      Object.entries(alternative)
        .map(([name, level]) => `${name}=${level}`)
        .join(','),
    )
    .join('; ');
  const headers = accepted === '' ? undefined : { 'x-accepted-github-permissions': accepted };
  return new Problem(403, 'Resource not accessible by integration', {}, headers);
}

/** The request was understood and cannot be carried out. */
export function unprocessable(message: string, errors?: readonly Record<string, unknown>[]): Problem {
  return new Problem(422, message, errors === undefined ? {} : { errors });
}

/** One field of a resource is wrong, in GitHub's words. */
export function invalidField(resource: string, field: string, code: string, message?: string): Problem {
  return unprocessable('Validation Failed', [{ resource, field, code, ...(message === undefined ? {} : { message }) }]);
}
