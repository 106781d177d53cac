import type { Octokit } from '@octokit/core';

import { defined } from '#shared/common/defined.ts';
import { outOfTime } from '#shared/common/out-of-time.ts';
import { runWithin } from '#shared/common/run-within.ts';
import { TidegateError } from '#shared/common/tidegate-error.ts';
import type { Clock } from '#shared/ports/clock.ts';
import type { Logger } from '#shared/ports/logger.ts';
import type { QuietTime, QuietTimes } from '#shared/ports/quiet-times.ts';

import { headersOf, readAnswer, readGraphqlErrors } from './github-answer.ts';
import { budgetEnd, judgeAnswer, type Judgment } from './judge-answer.ts';
import type { WritePace } from './pace-writes.ts';
import type { GitHubRequest, RecentWrites } from './recent-writes.ts';

/** How long what is not there yet is waited for: five tries in fifteen seconds. */
export const PATIENCE_MS: readonly number[] = [500, 1_000, 2_000, 4_000, 7_500];
/** A limit that is over so soon is waited for where it was met. */
const SHORT_LIMIT_MS = 5_000;
const MOST_LIMITS = 2;
const YOUNG_MS = 60_000;
/** What a server says of a credential that it does not know yet. */
const MAY_BE_YOUNG: ReadonlySet<Judgment['kind']> = new Set(['credentials', 'forbidden', 'permission']);

/** A credential, and since when GitHub's servers can know it. */
export interface Credential {
  readonly madeAt: number | undefined;
}

export interface PatienceOptions {
  readonly clock: Clock;
  /** Where writes wait for their turn; undefined where the server sets no such limit. */
  readonly pace: WritePace | undefined;
  /** Until when there is time for an answer; a request that has none by then is given up. */
  readonly deadline: () => number;
  readonly log: Logger;
  readonly writes: RecentWrites;
  readonly credential: Credential;
  /** Waits before each further try. */
  readonly patienceMs: readonly number[];
  readonly quietTimes: QuietTimes | undefined;
  /** Whose limits a request counts for; undefined when that is not known. */
  readonly ownerOf: (request: GitHubRequest) => string | undefined;
}

/**
 * Makes a client tell "not yet" from "no": what GitHub cannot know yet of a token or of what was written a moment ago is tried
 * again within seconds. A limit ends in a quiet time, in which nothing is asked. Writes wait for their turn, and nothing
 * outlasts the run that asked.
 */
export function bePatient(octokit: Octokit, options: PatienceOptions): void {
  const { clock, pace, deadline, log, writes, credential, patienceMs } = options;
  const now = (): number => clock.now();
  let spent = false;

  function isNotYet(judgment: Judgment, request: GitHubRequest): boolean {
    if (judgment.kind === 'missing') return writes.concerns(request);
    const isYoung = !spent && credential.madeAt !== undefined && now() - credential.madeAt < YOUNG_MS;
    return isYoung && MAY_BE_YOUNG.has(judgment.kind);
  }

  octokit.hook.wrap('request', async (send, request) => {
    const facts: GitHubRequest = { ...request };
    const owner = options.ownerOf(facts);
    // Of the run that asks now: a process that was frozen wakes up in another.
    const until = deadline();
    const pause = async (ms: number): Promise<void> => {
      if (now() + ms >= until) throw notReached(facts);
      await clock.sleep(ms);
    };
    let limits = 0;
    for (let attempt = 0; ;) {
      await refuseWhileQuiet(options.quietTimes, owner);
      const hasTurn = now() < until && ((await pace?.turn(facts, until)) ?? true);
      if (!hasTurn) throw notReached(facts);
      const { response, error, answer } = await ask(
        () =>
          inTime(facts, until - now(), async (signal) => send({ ...request, request: { ...request.request, signal } })),
        String(facts['url']).endsWith('/graphql'),
      );
      if (isOutOfTime(error)) throw error;
      if (answer === undefined) {
        writes.learn(facts, response);
        await rememberBudget(options, owner, response);
        return response as Awaited<ReturnType<typeof send>>;
      }
      const judgment = judgeAnswer(answer, now());
      if (judgment.kind === 'limit') {
        limits += 1;
        const wait = judgment.until - now();
        log.warn('GitHub asks to wait', { owner, ms: wait, why: judgment.why, url: String(facts['url']) });
        if (wait > SHORT_LIMIT_MS || limits > MOST_LIMITS) throw await beginQuiet(options, owner, judgment, error);
        await pause(Math.max(wait, 0));
        continue;
      }
      const patience = isNotYet(judgment, facts) ? patienceMs[attempt] : undefined;
      if (patience === undefined) {
        if (attempt > 0 && judgment.kind !== 'missing') spent = true;
        if (error !== undefined) throw error as Error;
        return response as Awaited<ReturnType<typeof send>>;
      }
      log.info('GitHub does not know it yet', {
        owner,
        attempt,
        ms: patience,
        status: answer.status,
        url: String(facts['url']),
      });
      attempt += 1;
      await pause(patience);
    }
  });
}

type Asked = {
  readonly response?: unknown;
  readonly error?: unknown;
  readonly answer?: ReturnType<typeof readAnswer>;
};

/** What came back; with an answer when it says no. */
async function ask(send: () => unknown, isGraphql: boolean): Promise<Asked> {
  try {
    const response: unknown = await send();
    const errors = isGraphql ? readGraphqlErrors(response) : undefined;
    return errors === undefined ? { response } : { response, answer: errors };
  } catch (error) {
    return { error: error ?? new Error('no answer'), answer: readAnswer(error) };
  }
}

/** Gives up on an answer when the time is over, and on what would be sent after that. */
async function inTime<Answer>(
  request: GitHubRequest,
  ms: number,
  send: (signal: AbortSignal) => Promise<Answer>,
): Promise<Answer> {
  const ending = new AbortController();
  try {
    return await runWithin(
      ms,
      () => send(ending.signal),
      () => notReached(request),
    );
  } catch (error) {
    ending.abort();
    throw error;
  }
}

function notReached({ method, url }: GitHubRequest): TidegateError {
  return outOfTime(`${String(method)} ${String(url)}`);
}

function isOutOfTime(error: unknown): boolean {
  return error instanceof TidegateError && error.code === 'OutOfTime';
}

async function refuseWhileQuiet(quietTimes: QuietTimes | undefined, owner: string | undefined): Promise<void> {
  const quiet = owner === undefined ? undefined : await quietTimes?.find(owner);
  if (quiet !== undefined) throw rateLimited(quiet);
}

/** The last request that the budget had is answered; the next one would be refused. */
async function rememberBudget(
  { quietTimes, clock }: PatienceOptions,
  owner: string | undefined,
  response: unknown,
): Promise<void> {
  const end = quietTimes === undefined || owner === undefined ? undefined : budgetEnd(headersOf(response), clock.now());
  if (end !== undefined && owner !== undefined) await quietTimes?.begin(owner, end);
}

async function beginQuiet(
  { quietTimes }: PatienceOptions,
  owner: string | undefined,
  limit: Extract<Judgment, { kind: 'limit' }>,
  cause: unknown,
): Promise<TidegateError> {
  const begun = owner === undefined ? undefined : await quietTimes?.begin(owner, limit);
  return rateLimited(begun ?? limit, cause);
}

function rateLimited({ until, why }: Pick<QuietTime, 'until' | 'why'>, cause?: unknown): TidegateError {
  return new TidegateError('RateLimited', `GitHub is asked again at ${new Date(until).toISOString()}: ${why}`, {
    disposition: 'wait',
    notBefore: until,
    ...defined({ cause }),
  });
}
