import { TidegateError } from '#shared/common/tidegate-error.ts';

/** Octokit hands out an answer that was cut off, or the page of a proxy, as text, and calls it a success. */
export function unreadableAnswer(what: string): TidegateError {
  return new TidegateError('GitOperationFailed', `GitHub's answer cannot be read: it holds no ${what}`, {
    disposition: 'retry',
  });
}
