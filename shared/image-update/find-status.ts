import { statusKey, type ObjectName, type StatusRecord } from '#shared/records/journal-record.ts';

/** Statuses by key, once for each list: a cluster has thousands, and all of them are asked for. */
const INDEXES = new WeakMap<readonly StatusRecord[], ReadonlyMap<string, StatusRecord>>();

/** The status of an object among those of its cluster, if there is one. */
export function findStatus(
  statuses: readonly StatusRecord[],
  object: Pick<ObjectName, 'kind' | 'namespace' | 'name'>,
): StatusRecord | undefined {
  let index = INDEXES.get(statuses);
  if (index === undefined) {
    index = new Map(statuses.map((status) => [statusKey(status.object), status]));
    INDEXES.set(statuses, index);
  }
  return index.get(statusKey(object));
}
