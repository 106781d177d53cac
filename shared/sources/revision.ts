/** A commit and, where one led to it, the name it was found under: `main@sha1:<hex>`, `sha1:<hex>`. */
export interface Revision {
  readonly name?: string;
  readonly oid: string;
}

/** The text Flux writes for a revision; a 64-digit object id is SHA-256, a 40-digit one SHA-1. */
export function formatRevision(revision: Revision): string {
  const hash = `${revision.oid.length === 64 ? 'sha256' : 'sha1'}:${revision.oid}`;
  return revision.name === undefined ? hash : `${revision.name}@${hash}`;
}

/** @returns undefined when the text is no revision; a branch name may itself hold `@`. */
export function parseRevision(text: string): Revision | undefined {
  const match = /^(?:(?<name>.+)@)?(?:sha1:(?<sha1>[0-9a-f]{40})|sha256:(?<sha256>[0-9a-f]{64}))$/s.exec(text);
  const oid = match?.groups?.['sha1'] ?? match?.groups?.['sha256'];
  if (oid === undefined) return undefined;
  const name = match?.groups?.['name'];
  return name === undefined ? { oid } : { name, oid };
}
