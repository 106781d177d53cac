import { TidegateError, type Disposition } from '#shared/errors/tidegate-error.ts';

/** The HTTP status that a failed request to GitHub ended with; 500 stands for no answer at all, as Octokit has it. */
export function statusOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const status: unknown = Reflect.get(error, 'status');
  return typeof status === 'number' ? status : undefined;
}

/** Says what a failed request to GitHub was about and whether it is worth another try; GitHub's answer stays, headers do not. */
export function toTidegateError(error: unknown, subject: string): TidegateError {
  if (error instanceof TidegateError) return error;
  const status = statusOf(error);
  const words = error instanceof Error ? error.message.slice(0, 300) : 'no answer';
  const [code, disposition] = classify(status, words);
  return new TidegateError(code, `${subject}: GitHub answered ${status ?? 'nothing'}: ${words}`, {
    disposition,
    subject,
    cause: error,
  });
}

function classify(status: number | undefined, words: string): readonly [string, Disposition] {
  if (status === 401) return ['AuthenticationFailed', 'stall'];
  if (status === 403) {
    return /rate limit|abuse/iu.test(words) ? ['RateLimited', 'retry'] : ['AuthenticationFailed', 'stall'];
  }
  const final = status !== undefined && [404, 410, 422, 451].includes(status);
  return ['GitOperationFailed', final ? 'stall' : 'retry'];
}
