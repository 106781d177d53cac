import { messageGroup } from '#shared/work/message-group.ts';
import type { QueueName, WorkMessage } from '#shared/work/work-message.ts';

import { projectPullRequest } from './project-pull-request.ts';
import { projectPush } from './project-push.ts';
import { isSignature, verifySignature } from './verify-signature.ts';

/** What Lambda takes as an event, where its answer is waited for (AWS: "Lambda quotas"). */
const MAX_EVENT_BYTES = 6 * 1024 * 1024;
/** Of an event beside the body: an HTTP API lets 10,240 bytes of headers pass, which may double as JSON. */
const ENVELOPE_BYTES = 64 * 1024;

/**
 * As much as reaches a function for certain in a form, which an HTTP API hands on in base64, four bytes for three. GitHub
 * sends up to 25 MB. What is larger is refused before anything is read of it, here or by API Gateway, which answers 413
 * too; the next tick sees what it would have told.
 */
export const MAX_WEBHOOK_BYTES: number = ((MAX_EVENT_BYTES - ENVELOPE_BYTES) / 4) * 3;

const DELIVERY_ID = /^[0-9A-Za-z-]{1,64}$/u;
const EVENT_NAME = /^[a-z_]{1,64}$/u;

/** One request as it came in. */
export interface WebhookRequest {
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Uint8Array;
}

/** A message and the queue it is for. */
export interface QueuedWork {
  readonly queue: QueueName;
  readonly group: string;
  readonly deduplicationId: string;
  readonly message: WorkMessage;
}

export type WebhookOutcome =
  | { readonly outcome: 'too-large'; readonly bytes: number }
  | { readonly outcome: 'bad-request'; readonly reason: string }
  /** `signed`: it bears a signature, but of none of our secrets. */
  | { readonly outcome: 'unauthorized'; readonly reason: string; readonly signed: boolean }
  | { readonly outcome: 'pong'; readonly deliveryId: string }
  | { readonly outcome: 'ignored'; readonly deliveryId: string; readonly event: string }
  | {
      readonly outcome: 'accepted';
      readonly deliveryId: string;
      readonly event: string;
      readonly work: readonly QueuedWork[];
    };

/**
 * Decides what to do with a webhook: nothing of the body is looked at before its size and its signature are right.
 * Whether anybody follows the repository is for the workers to know.
 */
export function receiveWebhook(request: WebhookRequest, secrets: readonly string[]): WebhookOutcome {
  const { headers, body } = request;
  if (body.byteLength > MAX_WEBHOOK_BYTES) return { outcome: 'too-large', bytes: body.byteLength };
  const event = headers['x-github-event'];
  const deliveryId = headers['x-github-delivery'];
  if (event === undefined || !EVENT_NAME.test(event)) return badRequest('x-github-event is missing or no event name');
  if (deliveryId === undefined || !DELIVERY_ID.test(deliveryId)) {
    return badRequest('x-github-delivery is missing or no delivery id');
  }
  const signature = headers['x-hub-signature-256'];
  if (signature === undefined) return unauthorized('x-hub-signature-256 is missing', false);
  if (!isSignature(signature)) return unauthorized('x-hub-signature-256 is no SHA-256 signature', false);
  // An installation that is not finished: everything is refused until somebody fills in the secret.
  if (secrets.length === 0) return unauthorized('there is no webhook secret yet', true);
  if (!verifySignature(body, signature, secrets)) {
    return unauthorized('x-hub-signature-256 does not match the body', true);
  }
  switch (event) {
    case 'ping':
      return { outcome: 'pong', deliveryId };
    case 'push':
    case 'pull_request':
      return readEvent(event, deliveryId, readPayload(body, headers['content-type']));
    default:
      return { outcome: 'ignored', deliveryId, event };
  }
}

function readEvent(event: 'push' | 'pull_request', deliveryId: string, payload: unknown): WebhookOutcome {
  if (payload === undefined) return badRequest('body is not JSON in UTF-8');
  const message = event === 'push' ? projectPush(payload, deliveryId) : projectPullRequest(payload, deliveryId);
  if (message === undefined) return badRequest(`body is JSON but no payload of a ${event} event`);
  if (message === 'ignored') return { outcome: 'ignored', deliveryId, event };
  const queues: readonly QueueName[] = event === 'push' ? ['source-sync', 'image-update'] : ['image-update'];
  const group = 'repository' in message ? messageGroup(message.repository.toLowerCase()) : event;
  const work = queues.map((queue) => ({ queue, group, deduplicationId: `${deliveryId}/${queue}`, message }));
  return { outcome: 'accepted', deliveryId, event, work };
}

/** JSON as it is, or in the field of a form: a webhook made by hand sends that unless told otherwise. */
function readPayload(body: Uint8Array, contentType: string | undefined): unknown {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(body);
    const isForm = contentType?.toLowerCase().startsWith('application/x-www-form-urlencoded') === true;
    const json: unknown = JSON.parse(isForm ? (new URLSearchParams(text).get('payload') ?? '') : text);
    return json;
  } catch {
    return undefined;
  }
}

function unauthorized(reason: string, signed: boolean): WebhookOutcome {
  return { outcome: 'unauthorized', reason, signed };
}

function badRequest(reason: string): WebhookOutcome {
  return { outcome: 'bad-request', reason };
}
