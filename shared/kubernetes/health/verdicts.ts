import type { Health } from './health-status.ts';

/** Done and well. */
export function current(message: string): Health {
  return { status: 'Current', message };
}

/** On its way. */
export function inProgress(message: string): Health {
  return { status: 'InProgress', message };
}

/** Stopped; waiting will not help. */
export function failed(message: string): Health {
  return { status: 'Failed', message };
}

/** Nothing can be told from what the object looks like. */
export function unknown(message: string): Health {
  return { status: 'Unknown', message };
}
