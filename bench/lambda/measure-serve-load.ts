import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { Agent, request as openRequest } from 'node:http';
import { text as readText } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

import { percentile } from '../percentile.ts';
import { type Delivery, isAccepted } from './sign-delivery.ts';

/** How deliveries at a steady rate were answered. */
export interface ServeLoad {
  readonly sent: number;
  /** Queued, and answered with 202. */
  readonly accepted: number;
  readonly medianMs: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

const WARM_UP_SECONDS = 2;

/**
 * Sends deliveries at a steady rate, whether the server keeps up or not: each one's time begins when it was due, so that
 * a server which falls behind shows it.
 */
export async function measureServeLoad(options: {
  readonly url: string;
  readonly nextDelivery: () => Delivery;
  readonly perSecond: number;
  readonly seconds: number;
}): Promise<ServeLoad> {
  const { url, nextDelivery, perSecond, seconds } = options;
  const agent = new Agent({ keepAlive: true });
  try {
    await sendSteadily(url, agent, perSecond, makeDeliveries(nextDelivery, perSecond * WARM_UP_SECONDS));
    const answers = await sendSteadily(url, agent, perSecond, makeDeliveries(nextDelivery, perSecond * seconds));
    const times = answers.map(({ ms }) => ms);
    return {
      sent: answers.length,
      accepted: answers.filter(({ accepted }) => accepted).length,
      medianMs: percentile(times, 0.5),
      p99Ms: percentile(times, 0.99),
      maxMs: Math.max(...times),
    };
  } finally {
    agent.destroy();
  }
}

function makeDeliveries(nextDelivery: () => Delivery, count: number): readonly Delivery[] {
  return Array.from({ length: count }, nextDelivery);
}

interface Answered {
  readonly accepted: boolean;
  readonly ms: number;
}

async function sendSteadily(
  url: string,
  agent: Agent,
  perSecond: number,
  deliveries: readonly Delivery[],
): Promise<readonly Answered[]> {
  const startedAt = performance.now();
  const underWay: Promise<Answered>[] = [];
  for (const [index, delivery] of deliveries.entries()) {
    const dueAt = startedAt + (index * 1_000) / perSecond;
    const early = dueAt - performance.now();
    if (early > 0) await sleep(early);
    underWay.push(post(url, agent, delivery).then((accepted) => ({ accepted, ms: performance.now() - dueAt })));
  }
  return Promise.all(underWay);
}

async function post(url: string, agent: Agent, { headers, body }: Delivery): Promise<boolean> {
  const request = openRequest(url, { method: 'POST', agent, headers: { ...headers } });
  request.end(body);
  const [response]: IncomingMessage[] = await once(request, 'response');
  if (response === undefined) throw new Error('the server did not answer');
  return isAccepted(response.statusCode ?? 0, await readText(response));
}
