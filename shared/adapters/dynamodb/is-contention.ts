import { TransactionCanceledException } from '@aws-sdk/client-dynamodb';

const PASSING: ReadonlySet<string> = new Set([
  'ProvisionedThroughputExceeded',
  'ThrottlingError',
  'TransactionConflict',
]);

/**
 * Whether a call failed because of what others were doing at that moment. A canceled transaction is, unless one of its
 * items is refused for what it is.
 */
export function isContention(error: unknown): boolean {
  if (error instanceof TransactionCanceledException) {
    const codes = (error.CancellationReasons ?? []).map(({ Code }) => Code ?? 'None').filter((code) => code !== 'None');
    return codes.length > 0 && codes.every((code) => PASSING.has(code));
  }
  return (
    error instanceof Error &&
    (error.name === 'TransactionConflictException' || error.name === 'TransactionInProgressException')
  );
}
