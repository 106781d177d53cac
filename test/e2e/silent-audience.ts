import type { Audience } from '#local/demo/story.ts';

/** Nobody listens; what the story told is what it returns. */
export const silentAudience: Audience = { begin: () => {}, waitingFor: () => {}, end: () => {} };
