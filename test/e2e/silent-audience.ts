import type { Audience } from '#demo/story.ts';

/** Nobody listens; what the story told is what it returns. */
export const silentAudience: Audience = { begin: () => {}, waitingFor: () => {}, end: () => {} };
