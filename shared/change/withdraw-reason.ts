/** Why nobody wants a proposal any more. */
export type WithdrawReason =
  'base-is-newer' | 'base-changed' | 'automation-is-gone' | 'automation-pushes' | 'cluster-is-gone';
