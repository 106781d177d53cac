import { TidegateError, type Disposition } from '#shared/common/tidegate-error.ts';

import { readAnswer, type GitHubAnswer } from './github-answer.ts';
import { judgeAnswer, type Judgment } from './judge-answer.ts';

/** The HTTP status that a failed request to GitHub ended with; 500 stands for no answer at all, as Octokit has it. */
export function statusOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const status: unknown = Reflect.get(error, 'status');
  return typeof status === 'number' ? status : undefined;
}

/** What is known beside the answer. */
export interface AskedFor {
  /** What the request needs, for answers that do not say it: `{ contents: 'write' }`. */
  readonly permissions?: Readonly<Record<string, string>>;
  readonly now?: number;
}

/**
 * Says what a failed request to GitHub was about, whether it is worth another try, and the way out where there is one; GitHub's
 * words stay, headers do not.
 */
export function toTidegateError(error: unknown, subject: string, asked: AskedFor = {}): TidegateError {
  if (error instanceof TidegateError) return error;
  const answer = readAnswer(error);
  const judgment = judgeAnswer(answer, asked.now ?? Date.now());
  const { code, disposition, message } = explainJudgment(judgment, answer, asked.permissions);
  return new TidegateError(code, `${subject}: ${message}`, {
    disposition,
    subject,
    cause: error,
    ...(judgment.kind === 'limit' ? { notBefore: judgment.until } : {}),
    ...(isUnanswered(error) ? { silentHost: 'GitHub' } : {}),
  });
}

/** Octokit's errors carry the answer, where there was one. */
function isUnanswered(error: unknown): boolean {
  return (
    statusOf(error) === 500 &&
    typeof error === 'object' &&
    error !== null &&
    Reflect.get(error, 'response') === undefined
  );
}

interface Explanation {
  readonly code: string;
  readonly disposition: Disposition;
  readonly message: string;
}

/** A judgment in our words. */
export function explainJudgment(
  judgment: Judgment,
  answer: Pick<GitHubAnswer, 'status' | 'words'>,
  permissions: AskedFor['permissions'] = {},
): Explanation {
  const said = `GitHub answered ${answer.status ?? 'nothing'}: ${answer.words.slice(0, 300) || 'no answer'}`;
  const denied = (message: string): Explanation => ({ code: 'AuthenticationFailed', disposition: 'stall', message });
  switch (judgment.kind) {
    case 'limit': {
      const until = new Date(judgment.until).toISOString();
      const message = `GitHub is asked again at ${until}: ${judgment.why}`;
      return { code: 'RateLimited', disposition: 'wait', message };
    }
    case 'permission': {
      const wanted = Object.entries(permissions)
        .map(([name, level]) => `${name}: ${level}`)
        .join(' and ');
      const lacks = judgment.lacks ?? (wanted === '' ? undefined : wanted);
      if (judgment.holder === 'token') {
        const what = lacks === undefined ? 'may not do this' : `lacks ${lacks}`;
        return denied(`the token ${what}; give it the permission on GitHub (${said})`);
      }
      const what = lacks === undefined ? 'may not do this' : `lacks ${lacks}`;
      return denied(
        `the GitHub App ${what}; give it the permission in the App's settings on GitHub, and accept it where the App is installed (${said})`,
      );
    }
    case 'credentials':
      return denied(`GitHub does not accept the key or token; give one that is valid (${said})`);
    case 'forbidden':
      return denied(said);
    case 'suspended':
      return denied(
        'the installation of the GitHub App is suspended; unsuspend it in the settings of the account it is installed on, under GitHub Apps',
      );
    case 'not-installed':
      return denied(`the GitHub App is not installed on this repository; add it to the installation (${said})`);
    case 'single-sign-on':
      return denied('the organization wants single sign-on; authorize the token for it on GitHub');
    case 'address':
      return denied(`the organization's IP allow list refuses this address; add it to the list (${said})`);
    case 'archived':
      return {
        code: 'GitOperationFailed',
        disposition: 'stall',
        message:
          'the repository is archived, so nothing can be written to it; unarchive it, or suspend what writes there (spec.suspend)',
      };
    case 'rule':
    case 'missing':
    case 'refused':
      return { code: 'GitOperationFailed', disposition: 'stall', message: said };
    case 'passing':
      return { code: 'GitOperationFailed', disposition: 'retry', message: said };
  }
}
