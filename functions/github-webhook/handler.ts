import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';

import { describeError } from '#shared/common/tidegate-error.ts';
import type { Logger } from '#shared/ports/logger.ts';
import type { WorkQueues } from '#shared/ports/work-queues.ts';
import type { WebhookOutcome, WebhookRequest } from '#shared/webhooks/receive-webhook.ts';
import { MAX_WEBHOOK_BYTES, receiveWebhook } from '#shared/webhooks/receive-webhook.ts';

export interface GithubWebhookDependencies {
  readonly queues: WorkQueues;
  /**
   * The current secret and, during rotation, the one before.
   * `renewed`: the ones read before did not do, look whether there are newer ones.
   */
  readonly readSecrets: (request: { readonly renewed: boolean }) => Promise<readonly string[]>;
  readonly log: Logger;
}

export type GithubWebhookHandler = (event: APIGatewayProxyEventV2) => Promise<APIGatewayProxyStructuredResultV2>;

const STATUS = {
  'too-large': 413,
  'bad-request': 400,
  unauthorized: 401,
  pong: 200,
  ignored: 202,
  accepted: 202,
} as const satisfies Record<WebhookOutcome['outcome'], number>;

/** Answers GitHub's webhooks behind an API Gateway HTTP API (payload format 2.0). */
export function createGithubWebhookHandler(dependencies: GithubWebhookDependencies): GithubWebhookHandler {
  const { queues, readSecrets, log } = dependencies;
  return async (event) => {
    const bytes = bodyBytes(event);
    if (bytes > MAX_WEBHOOK_BYTES) return answer({ outcome: 'too-large', bytes }, log);
    const body = Buffer.from(event.body ?? '', event.isBase64Encoded ? 'base64' : 'utf8');
    try {
      const outcome = await receiveWithSecrets({ headers: lowerCaseNames(event.headers), body }, readSecrets);
      if (outcome.outcome === 'accepted') {
        await Promise.all(outcome.work.map((work) => queues.send(work)));
      }
      return answer(outcome, log);
    } catch (error) {
      // Nothing a client sends ends here: secrets or queue do not answer, and GitHub may deliver again.
      log.error('webhook not taken', { reason: describeError(error) });
      return { statusCode: 503, headers: JSON_HEADERS, body: JSON.stringify({ outcome: 'unavailable' }) };
    }
  };
}

/**
 * What bears no signature is answered without a look at the secrets. A signature that does not match may be one of a
 * secret that was rotated a moment ago.
 */
async function receiveWithSecrets(
  request: WebhookRequest,
  readSecrets: GithubWebhookDependencies['readSecrets'],
): Promise<WebhookOutcome> {
  const unread = receiveWebhook(request, []);
  if (!isDoubtful(unread)) return unread;
  const outcome = receiveWebhook(request, await readSecrets({ renewed: false }));
  return isDoubtful(outcome) ? receiveWebhook(request, await readSecrets({ renewed: true })) : outcome;
}

function isDoubtful(outcome: WebhookOutcome): boolean {
  return outcome.outcome === 'unauthorized' && outcome.signed;
}

const JSON_HEADERS = { 'content-type': 'application/json', 'cache-control': 'no-store' };

function answer(outcome: WebhookOutcome, log: Logger): APIGatewayProxyStructuredResultV2 {
  const statusCode = STATUS[outcome.outcome];
  const facts = {
    outcome: outcome.outcome,
    ...('deliveryId' in outcome ? { deliveryId: outcome.deliveryId } : {}),
    ...('event' in outcome ? { event: outcome.event } : {}),
    ...('reason' in outcome ? { reason: outcome.reason } : {}),
    ...('bytes' in outcome ? { bytes: outcome.bytes, allowed: MAX_WEBHOOK_BYTES } : {}),
  };
  log.info('webhook answered', { ...facts, statusCode });
  return { statusCode, headers: JSON_HEADERS, body: JSON.stringify(facts) };
}

/** Size of the body once decoded, known without decoding it. */
function bodyBytes(event: APIGatewayProxyEventV2): number {
  const body = event.body ?? '';
  return event.isBase64Encoded ? Math.floor((body.length * 3) / 4) - 2 : Buffer.byteLength(body);
}

function lowerCaseNames(headers: APIGatewayProxyEventV2['headers']): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}
