/** An answer of GitHub's that says no: status, message and the parts at fault. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;

  constructor(status: number, message: string, more: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.status = status;
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

/** The caller is known and may not do this; says nothing about what it would need. */
export function forbidden(): Problem {
  return new Problem(403, 'Resource not accessible by integration');
}

/** The request was understood and cannot be carried out. */
export function unprocessable(message: string, errors?: readonly Record<string, unknown>[]): Problem {
  return new Problem(422, message, errors === undefined ? {} : { errors });
}

/** One field of a resource is wrong, in GitHub's words. */
export function invalidField(resource: string, field: string, code: string, message?: string): Problem {
  return unprocessable('Validation Failed', [{ resource, field, code, ...(message === undefined ? {} : { message }) }]);
}
