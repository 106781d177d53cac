/** Why nobody wants a proposal any more. */
export type WithdrawReason =
  /** What it brings is there, or something newer. */
  | 'base-is-newer'
  /** Closed or reverted in a pull request of another automation. */
  | 'refused-elsewhere'
  /** The range, the excluded tags or the registry changed. */
  | 'not-chosen'
  | 'policy-is-gone'
  /** The file, its entry or the marker. */
  | 'place-is-gone'
  /** Several of these, one for each place. */
  | 'nothing-left'
  | 'base-changed'
  | 'automation-is-gone'
  | 'automation-pushes'
  | 'repository-changed'
  | 'cluster-is-gone';
