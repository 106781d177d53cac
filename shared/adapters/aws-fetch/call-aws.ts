import { AwsClient } from 'aws4fetch';
import { TidegateError } from '#shared/errors/tidegate-error.ts';

/** Who calls AWS, and where it is. */
export interface AwsCaller {
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
  /** Answers in place of AWS' own endpoints. */
  readonly endpoint?: string | undefined;
}

/** One operation of a service that speaks AWS' JSON protocol. */
export interface AwsOperation {
  readonly service: 'sqs' | 'secretsmanager';
  /** `AmazonSQS.SendMessage`. */
  readonly target: string;
  readonly contentType: 'application/x-amz-json-1.0' | 'application/x-amz-json-1.1';
  readonly input: Readonly<Record<string, unknown>>;
}

export type AwsAnswer =
  | { readonly outcome: 'answer'; readonly value: unknown }
  | { readonly outcome: 'error'; readonly code: string; readonly status: number };

export type CallAws = (operation: AwsOperation) => Promise<AwsAnswer>;

// GitHub gives up on a delivery after ten seconds.
const TIMEOUT_MS = 4_000;

/**
 * Calls AWS with `fetch` and nothing of its SDKs: what has to start fast cannot load them.
 * @throws TidegateError `AwsUnavailable` (retry) when no answer came in time.
 */
export function createAwsCaller(caller: AwsCaller): CallAws {
  const { region, accessKeyId, secretAccessKey, sessionToken, endpoint } = caller;
  const credentials = { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
  const client = new AwsClient({ ...credentials, region, retries: 3, initRetryMs: 50 });
  const suffix = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  return async ({ service, target, contentType, input }) => {
    try {
      const response = await client.fetch(endpoint ?? `https://${service}.${region}.${suffix}/`, {
        method: 'POST',
        headers: { 'content-type': contentType, 'x-amz-target': target },
        body: JSON.stringify(input),
        aws: { service },
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const value: unknown = await response.json();
      if (response.ok) return { outcome: 'answer', value };
      return { outcome: 'error', code: errorCode(value), status: response.status };
    } catch (cause) {
      throw new TidegateError('AwsUnavailable', `${target} got no answer in ${TIMEOUT_MS} ms: it is tried again`, {
        disposition: 'retry',
        cause,
      });
    }
  };
}

/** `com.amazonaws.sqs#QueueDoesNotExist` is `QueueDoesNotExist`. */
function errorCode(value: unknown): string {
  const type: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, '__type') : undefined;
  return typeof type === 'string' ? type.slice(type.lastIndexOf('#') + 1) : 'Unknown';
}
