import { z } from 'zod';

import { openDisk } from '#stand-ins/lambda/open-disk.ts';
import type { FunctionOptions } from '#stand-ins/lambda/open-environment.ts';
import { openEnvironment } from '#stand-ins/lambda/open-environment.ts';

import { percentile } from '../percentile.ts';
import { isAccepted } from './sign-delivery.ts';

/** How one process answers deliveries, one after the other, as Lambda gives them to it. */
export interface WarmWebhooks {
  readonly sent: number;
  /** Queued, and answered with 202. */
  readonly accepted: number;
  readonly medianMs: number;
  readonly p99Ms: number;
}

const WARM_UP = 50;

/** Hands deliveries to one process of the webhook, the next as soon as the last is answered. */
export async function measureWarmWebhooks(options: {
  readonly webhook: FunctionOptions;
  readonly nextDelivery: () => unknown;
  readonly count: number;
}): Promise<WarmWebhooks> {
  const { webhook, nextDelivery, count } = options;
  const disk = await openDisk(webhook.name);
  const environment = await openEnvironment(webhook, disk);
  try {
    for (let index = 0; index < WARM_UP; index += 1) await environment.run(nextDelivery());
    const times: number[] = [];
    let accepted = 0;
    for (let index = 0; index < count; index += 1) {
      const invocation = await environment.run(nextDelivery());
      times.push(invocation.ms);
      if (invocation.outcome === 'answered' && isQueued(invocation.payload)) accepted += 1;
    }
    return { sent: count, accepted, medianMs: percentile(times, 0.5), p99Ms: percentile(times, 0.99) };
  } finally {
    await environment.kill();
    await disk.discard();
  }
}

const Answer = z.object({ statusCode: z.number(), body: z.string() });

function isQueued(payload: unknown): boolean {
  const { statusCode, body } = Answer.parse(payload);
  return isAccepted(statusCode, body);
}
