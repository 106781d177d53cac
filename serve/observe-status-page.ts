import { findConcerns } from '#shared/notify/find-concerns.ts';
import type { Journal } from '#shared/ports/journal.ts';
import type { ObjectName } from '#shared/records/journal-record.ts';
import { statusKey } from '#shared/records/journal-record.ts';

import type { StatusPage } from './render-status-page.ts';

/** Events that one page shows; the log has all of them. */
const MAX_EVENTS = 50;

/** Reads what the journal knows of an object. */
export async function observeStatusPage(
  object: ObjectName,
  journal: Journal,
): Promise<Omit<StatusPage, 'redact' | 'now'>> {
  const [status, events] = await Promise.all([
    journal.read(object.cluster, statusKey(object)),
    journal.list(object.cluster, 'event/'),
  ]);
  const known = status?.type === 'Status' ? status : undefined;
  return {
    object,
    status: known,
    concerns: known === undefined ? [] : findConcerns(known),
    events: events
      .flatMap((record) => (record.type === 'Event' && isSame(record.object, object) ? [record] : []))
      .slice(-MAX_EVENTS)
      .toReversed(),
  };
}

function isSame(one: ObjectName, other: ObjectName): boolean {
  return one.kind === other.kind && one.namespace === other.namespace && one.name === other.name;
}
