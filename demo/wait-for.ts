import { setTimeout as sleep } from 'node:timers/promises';

/** What one look at the world showed: what was waited for, or what is there instead. */
export type Sighting<Value> =
  { readonly done: true; readonly value: Value } | { readonly done: false; readonly seen: string };

/** Something that is going to be true. */
export interface Awaited<Value> {
  /** Reads after "waiting for": `the pull request for 6.7.1`. */
  readonly what: string;
  readonly look: () => Promise<Sighting<Value>>;
  readonly withinMs?: number;
}

/** How one waits: what is said meanwhile, and what makes further waiting useless. */
export interface WaitOptions {
  readonly onWait: (what: string) => void;
  /** Why it can never come true any more. */
  readonly hopeless: () => string | undefined;
  /** Where to read on when it did not come true. */
  readonly logs: readonly string[];
  readonly signal?: AbortSignal;
}

/** What may never happen did happen: there is nothing to wait for any more. */
export class PromiseBroken extends Error {
  override readonly name = 'PromiseBroken';
}

const WITHIN_MS = 120_000;
const EVERY_MS = 40;

/** What was waited for, as seen. */
export function sighted<Value>(value: Value): Sighting<Value> {
  return { done: true, value };
}

/** Something else is there. */
export function notYet(seen: string): Sighting<never> {
  return { done: false, seen };
}

/** Looks again and again until it is true, or says what was there instead. */
export async function waitFor<Value>(awaited: Awaited<Value>, options: WaitOptions): Promise<Value> {
  const { what, look, withinMs = WITHIN_MS } = awaited;
  const giveUpAt = Date.now() + withinMs;
  options.onWait(what);
  for (;;) {
    options.signal?.throwIfAborted();
    const sighting = await look().catch((error: unknown) => {
      if (error instanceof PromiseBroken) throw error;
      return notYet(error instanceof Error ? error.message : String(error));
    });
    if (sighting.done) return sighting.value;
    const hopeless = options.hopeless();
    if (hopeless !== undefined || Date.now() > giveUpAt) {
      const waited = hopeless ?? `waited ${Math.round(withinMs / 1000)} s`;
      throw new Error(`${what}: ${waited}; last seen: ${sighting.seen}; logs: ${options.logs.join(', ')}`);
    }
    await sleep(EVERY_MS, undefined, options.signal === undefined ? {} : { signal: options.signal });
  }
}
