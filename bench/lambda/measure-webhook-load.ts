import { setTimeout as sleep } from 'node:timers/promises';
import { openEnvironment } from '#local/lambda/open-environment.ts';
import type { FunctionOptions } from '#local/lambda/open-environment.ts';
import { percentile } from '../percentile.ts';

/** How deliveries at a steady rate were answered. */
export interface WebhookLoad {
  readonly sent: number;
  /** Answered with 202. */
  readonly accepted: number;
  readonly medianMs: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** A process that is so far behind will not catch up. */
const HOPELESS_MS = 5_000;

/**
 * Sends deliveries to one process at a steady rate, whether it keeps up or not: each one's time begins when it was due,
 * so that a process which falls behind shows it.
 */
export async function measureWebhookLoad(options: {
  readonly webhook: FunctionOptions;
  readonly nextDelivery: () => unknown;
  readonly perSecond: number;
  readonly seconds: number;
}): Promise<WebhookLoad> {
  const { webhook, nextDelivery, perSecond, seconds } = options;
  const environment = await openEnvironment(webhook);
  try {
    // Warm, as a process is that has taken hundreds a second.
    for (let count = 0; count < perSecond; count += 1) await environment.run(nextDelivery());
    const sent = perSecond * seconds;
    const deliveries = Array.from({ length: sent }, nextDelivery);
    const times: number[] = [];
    let accepted = 0;
    const startedAt = performance.now();
    for (const [index, delivery] of deliveries.entries()) {
      const dueAt = startedAt + (index * 1_000) / perSecond;
      const early = dueAt - performance.now();
      if (early > 0) await sleep(early);
      const waitedMs = performance.now() - dueAt;
      const invocation = await environment.run(delivery);
      times.push(waitedMs + invocation.ms);
      if (invocation.outcome === 'answered' && isAccepted(invocation.payload)) accepted += 1;
      if (waitedMs > HOPELESS_MS) break;
    }
    return {
      sent: times.length,
      accepted,
      medianMs: percentile(times, 0.5),
      p99Ms: percentile(times, 0.99),
      maxMs: Math.max(...times),
    };
  } finally {
    await environment.kill();
  }
}

function isAccepted(payload: unknown): boolean {
  return typeof payload === 'object' && payload !== null && Reflect.get(payload, 'statusCode') === 202;
}
