import type { TagOrder } from './tag-order.ts';

/** Tags by their characters' code points; `desc` takes the first for the newest. */
export function alphabeticalPolicy(order: 'asc' | 'desc'): TagOrder {
  const sign = order === 'asc' ? 1 : -1;
  return { allows: () => true, compare: (a, b) => (a === b ? 0 : a < b ? -sign : sign) };
}
