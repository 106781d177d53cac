/** Reasons of `Ready=False` that pass by themselves: it waits for something else. */
const WAITING: ReadonlySet<string> = new Set([
  'DependencyNotReady',
  'ArtifactNotReady',
  'Progressing',
  'ProgressingWithRetry',
  'RateLimited',
]);

/** Whether what is not `Ready` for this reason waits for something else, which says itself what is wrong. */
export function isWaiting(reason: string): boolean {
  return WAITING.has(reason);
}
