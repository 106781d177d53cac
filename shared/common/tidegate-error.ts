/**
 * What the caller does with a failure:
 * - `reject`: the input is bad; answer 4xx or drop it, never retry;
 * - `wait`: something it depends on is not there yet; come back later, no alarm;
 * - `retry`: transient; let the queue deliver it again;
 * - `stall`: a person has to change something; record `Stalled`, tell once, no retry until then.
 */
export type Disposition = 'reject' | 'wait' | 'retry' | 'stall';

export interface TidegateErrorOptions {
  readonly disposition: Disposition;
  /** What the error is about, in the user's words: `clusters/a/app.yaml:7`, `GitRepository flux-system/podinfo`. */
  readonly subject?: string;
  /** When another try is of use, where that is known: whoever tries before is refused. Milliseconds since the epoch. */
  readonly notBefore?: number;
  /** The host that gave no answer at all: whatever else is asked of it now would wait as long. */
  readonly silentHost?: string;
  /** What was to be read is larger than it was allowed to be. */
  readonly isTooLarge?: boolean;
  readonly cause?: unknown;
}

/** A failure that says what stopped, whom it concerns, and what the caller should do. */
export class TidegateError extends Error {
  /** Stable PascalCase word, one of Flux's reasons where there is one (`GitOperationFailed`, `BuildFailed`). */
  readonly code: string;
  readonly disposition: Disposition;
  readonly subject: string | undefined;
  readonly notBefore: number | undefined;
  readonly silentHost: string | undefined;
  readonly isTooLarge: boolean;

  constructor(code: string, message: string, options: TidegateErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'TidegateError';
    this.code = code;
    this.disposition = options.disposition;
    this.subject = options.subject;
    this.notBefore = options.notBefore;
    this.silentHost = options.silentHost;
    this.isTooLarge = options.isTooLarge ?? false;
  }
}

/** The disposition of any thrown value; what nobody foresaw is worth another try. */
export function dispositionOf(error: unknown): Disposition {
  return error instanceof TidegateError ? error.disposition : 'retry';
}

/** When another try is of use, where the failure says so. */
export function notBeforeOf(error: unknown): number | undefined {
  return error instanceof TidegateError ? error.notBefore : undefined;
}

/** Which host gave no answer at all, where the failure is that. */
export function silentHostOf(error: unknown): string | undefined {
  return error instanceof TidegateError ? error.silentHost : undefined;
}

/** One line for people from any thrown value. */
export function describeError(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
