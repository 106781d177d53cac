import type { ReconcileHandler } from './handler.ts';

/** A fault that lasts longer is not one that passes. Milliseconds. */
const PAUSES_MS = [2_000, 8_000, 30_000];
/** A run that is started with less would only be cut off. Milliseconds. */
const LEAST_LEFT_MS = 90_000;

/**
 * Tries again, within the invocation, what would be handed back: SQS shows a message that was handed back only after
 * five and a half minutes, and until then nothing is deployed to the cluster.
 * @param sleep waits so many milliseconds.
 */
export function retryPassingFaults(
  handle: ReconcileHandler,
  sleep: (ms: number) => Promise<unknown>,
): ReconcileHandler {
  return async (event, context) => {
    let result = await handle(event, context);
    for (const pause of PAUSES_MS) {
      const hasTime = context.getRemainingTimeInMillis() > pause + LEAST_LEFT_MS;
      if (result.batchItemFailures.length === 0 || !hasTime) break;
      await sleep(pause);
      result = await handle(event, context);
    }
    return result;
  };
}
