import type { Reporter } from '#demo/story.ts';

/** Nobody listens; what the story told is what it returns. */
export const silentAudience: Reporter = { begin: () => {}, waitingFor: () => {}, end: () => {} };
