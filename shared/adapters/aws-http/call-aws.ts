import { SignatureV4 } from '@smithy/signature-v4';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';

import { nameAwsFailure } from '#shared/adapters/aws/classify-aws-failure.ts';
import { Sha256 } from '#shared/adapters/signature/sha256.ts';
import { defined } from '#shared/common/defined.ts';
import { TidegateError } from '#shared/common/tidegate-error.ts';

import { readText } from './read-text.ts';

/** Who calls AWS, and where it is. */
export interface AwsCaller {
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
  /** Answers in place of AWS' own endpoints. */
  readonly endpoint?: string | undefined;
}

/** One operation of a service that speaks AWS' JSON protocol; to be repeated without harm. */
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

/** GitHub gives up on a delivery after ten seconds; all tries together have so long. Milliseconds. */
const TIMEOUT_MS = 4_000;
const TRIES = 4;
const FIRST_PAUSE_MS = 50;
/** A secret has 64 KiB at most; everything else is smaller. */
const MAX_ANSWER_BYTES = 256 * 1024;

/**
 * Calls AWS with what Node has already loaded for Lambda's own runtime: its HTTP client. The SDKs would take longer to
 * load than the function runs, and `fetch` alone longer than everything else in it.
 * @throws TidegateError `AwsUnavailable` (retry) when no answer came in time.
 */
export function createAwsCaller(caller: AwsCaller): CallAws {
  const { region, accessKeyId, secretAccessKey, sessionToken, endpoint } = caller;
  const credentials = { accessKeyId, secretAccessKey, ...defined({ sessionToken }) };
  const suffix = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';

  async function callOnce(operation: AwsOperation, signal: AbortSignal): Promise<AwsAnswer> {
    const { service, target, contentType, input } = operation;
    const body = JSON.stringify(input);
    const url = new URL(endpoint ?? `https://${service}.${region}.${suffix}/`);
    const signer = new SignatureV4({ service, region, credentials, sha256: Sha256 });
    const signed = await signer.sign({
      method: 'POST',
      protocol: url.protocol,
      hostname: url.hostname,
      path: '/',
      headers: { host: url.host, 'content-type': contentType, 'x-amz-target': target },
      body,
    });
    const { status, text } = await send(url, signed.headers, body, signal);
    const value = parseJson(text);
    if (status === 200 && value !== undefined) return { outcome: 'answer', value };
    return { outcome: 'error', code: errorCode(value, status), status };
  }

  return async (operation) => {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    for (let attempt = 1; ; attempt += 1) {
      try {
        const answer = await callOnce(operation, signal);
        if (attempt === TRIES || !isPassing(answer)) return answer;
      } catch (cause) {
        if (signal.aborted) throw unavailable(operation.target, `in ${TIMEOUT_MS} ms`, cause);
        if (attempt === TRIES) throw unavailable(operation.target, `(${nameAwsFailure(cause)})`, cause);
      }
      // Jitter, so that throttled callers do not retry in lockstep.
      await sleep(FIRST_PAUSE_MS * 2 ** attempt * Math.random());
    }
  };
}

function unavailable(target: string, how: string, cause: unknown): TidegateError {
  return new TidegateError('AwsUnavailable', `${target} got no answer ${how}: it is tried again`, {
    disposition: 'retry',
    cause,
  });
}

/** Another try may do: too many calls, or the service's own fault. */
function isPassing(answer: AwsAnswer): boolean {
  if (answer.outcome === 'answer') return false;
  return answer.status >= 500 || answer.status === 429 || /thrott|TooManyRequests/iu.test(answer.code);
}

interface HttpAnswer {
  readonly status: number;
  readonly text: string;
}

/** Node keeps the connection for the next call; one that AWS closed while Lambda froze this process fails, and the next try opens another. */
async function send(
  url: URL,
  headers: Readonly<Record<string, string>>,
  body: string,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  const options = { method: 'POST', headers, signal };
  const request = url.protocol === 'http:' ? requestHttp(url, options) : requestHttps(url, options);
  request.end(body);
  const [response]: IncomingMessage[] = await once(request, 'response', { signal });
  if (response === undefined) throw new Error('no answer');
  let text = '';
  response.setEncoding('utf8');
  for await (const chunk of response) {
    text += String(chunk);
    if (text.length > MAX_ANSWER_BYTES) throw new Error(`answer is larger than ${MAX_ANSWER_BYTES} bytes`);
  }
  return { status: response.statusCode ?? 0, text };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** `com.amazonaws.sqs#QueueDoesNotExist` is `QueueDoesNotExist`; what did not come from the service itself has a status alone. */
function errorCode(value: unknown, status: number): string {
  const type = readText(value, '__type');
  return type === undefined ? `HTTP ${status}` : type.slice(type.lastIndexOf('#') + 1);
}
