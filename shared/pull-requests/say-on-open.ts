import type { PlannedText } from '#shared/image-update/plan-image-update.ts';
import { placeSection } from '#shared/image-update/pull-request-text.ts';
import type { ChangeHost, RepositoryId } from '#shared/ports/change-host.ts';

/**
 * Puts our words into an open pull request, around what people wrote there until now. One that was merged or closed says what was
 * decided about: it is left as it is, and when that happens while we write, it says again what it said.
 */
export async function sayOnOpen(
  host: ChangeHost,
  repository: RepositoryId,
  number: number,
  { title, section }: PlannedText,
): Promise<'said' | 'not-open'> {
  const now = await host.readChangeRequest(repository, number);
  if (now.state !== 'open') return 'not-open';
  const wanted = { title: title ?? now.title, body: placeSection(now.body, section) };
  if (wanted.title === now.title && wanted.body === now.body) return 'said';
  const { state } = await host.updateChangeRequest(repository, number, wanted);
  if (state === 'open') return 'said';
  await host.updateChangeRequest(repository, number, { title: now.title, body: now.body });
  return 'not-open';
}
