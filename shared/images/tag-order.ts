/** What a policy says about tags: which are candidates, and which of two is the newer one. */
export interface TagOrder {
  /** Whether the policy would ever pick this tag. */
  allows(tag: string): boolean;
  /** Positive when `a` is newer; undefined when one of them has no place in the order. */
  compare(a: string, b: string): number | undefined;
}
