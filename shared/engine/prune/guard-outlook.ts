/** Guards that will never let go: what they hold stays behind, and nobody waits for it. */
export const SETTLED_GUARDS: ReadonlySet<string> = new Set([
  'prune-disabled',
  'not-owned',
  'controlled',
  'before-installation',
]);

/** Guards that let go without anybody doing something about the prune: the next run looks again. */
export const PASSING_GUARDS: ReadonlySet<string> = new Set(['lease-lost', 'changed-meanwhile', 'not-applied']);
