/**
 * The id of an event or a request. Ids sort by time.
 * @param at milliseconds since the epoch.
 * @param what tells it from everything else that is recorded in the same millisecond: its worker, object or number.
 */
export function recordId(at: number, what: string): string {
  return `${String(at).padStart(13, '0')}-${what}`;
}
