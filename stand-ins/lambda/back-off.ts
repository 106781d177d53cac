import { setTimeout as sleep } from 'node:timers/promises';

const FIRST_MS = 100;
const LONGEST_MS = 5_000;

/** Waits before another try, twice as long each time and never two alike; returns at once when told to stop. */
export async function backOff(tries: number, signal: AbortSignal): Promise<void> {
  const longest = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(tries, 10));
  await sleep(longest * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => {});
}
