/**
 * What a failed call to AWS means to whoever made it:
 * - `denied`: the credentials are missing, wrong, or lack a right;
 * - `missing`: what was asked for does not exist;
 * - `transient`: throttled, overloaded or unreachable; another try may succeed.
 */
export type AwsFailure = 'denied' | 'missing' | 'transient';

const DENIED: ReadonlySet<string> = new Set([
  'AccessDenied',
  'AccessDeniedException',
  'CredentialsProviderError',
  'HTTP 401',
  'HTTP 403',
  'IncompleteSignature',
  'InvalidClientTokenId',
  'InvalidSignatureException',
  'KmsAccessDenied',
  'MissingAuthenticationToken',
  'NotAuthorized',
  'OptInRequired',
  'SignatureDoesNotMatch',
  'TokenProviderError',
  'UnrecognizedClientException',
]);

const MISSING: ReadonlySet<string> = new Set([
  'AWS.SimpleQueueService.NonExistentQueue',
  'NoSuchBucket',
  'NoSuchKey',
  'NotFound',
  'QueueDoesNotExist',
  'RepositoryNotFoundException',
  'ResourceNotFoundException',
]);

/** AWS' own word for a failure: `ThrottlingException`, or the system's, `ECONNREFUSED`, or `HTTP 403` when that is all. */
export function nameAwsFailure(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown failure';
  if (error.name === 'Error' && 'code' in error && typeof error.code === 'string') return error.code;
  // The answer to a HEAD has no body that could hold a word.
  const isWordless = /^(?:Unknown|UnknownError|\d{3})$/u.test(error.name);
  const status = isWordless && '$metadata' in error ? statusOf(error.$metadata) : undefined;
  return status === undefined ? error.name : `HTTP ${status}`;
}

function statusOf(metadata: unknown): number | undefined {
  const status: unknown =
    typeof metadata === 'object' && metadata !== null ? Reflect.get(metadata, 'httpStatusCode') : undefined;
  return typeof status === 'number' ? status : undefined;
}

/** Sorts a failed call by its name; what nobody foresaw is worth another try. */
export function classifyAwsFailure(error: unknown): AwsFailure {
  return classifyAwsCode(nameAwsFailure(error));
}

/** The same for who has no more than AWS' word. */
export function classifyAwsCode(name: string): AwsFailure {
  if (DENIED.has(name)) return 'denied';
  return MISSING.has(name) ? 'missing' : 'transient';
}
