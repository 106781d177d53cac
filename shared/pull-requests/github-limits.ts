/**
 * How long the texts are that GitHub takes, in characters unless said otherwise. Its documentation names few of them; the
 * others are what its answers say ("is too long (maximum is …)").
 */
export const GITHUB_LIMITS = {
  pullRequestTitle: 256,
  pullRequestBody: 65_536,
  /** Bytes, with `refs/heads/` in front. */
  branchRef: 255,
} as const;

/** How long a text is as GitHub counts: characters, not UTF-16 units. */
export function lengthOnGitHub(text: string): number {
  return Array.from(text).length;
}

/** A text cut to a length, with an ellipsis where something is missing. */
export function cutTo(text: string, limit: number): string {
  const characters = Array.from(text);
  return characters.length <= limit ? text : `${characters.slice(0, limit - 1).join('')}…`;
}
