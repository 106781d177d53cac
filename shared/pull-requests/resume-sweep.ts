/**
 * What is to be looked at by whoever may not get to all of it: it begins with what the one before did not get to, so that
 * nothing at the end of the list waits for ever.
 * @param at `from` names what comes first; without it, or if it is gone, the look begins at the beginning. `isWhole` says that
 * what lies before it is looked at again, too.
 */
export function resumeSweep<Item>(
  items: readonly Item[],
  nameOf: (item: Item) => string,
  at: { readonly from: string | undefined; readonly isWhole: boolean },
): readonly Item[] {
  const first = items.findIndex((item) => nameOf(item) === at.from);
  if (first <= 0) return items;
  return [...items.slice(first), ...(at.isWhole ? items.slice(0, first) : [])];
}
