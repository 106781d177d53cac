/** The metrics that the functions write and the alarms watch. */
export const METRICS = {
  namespace: 'Tidegate',
  /** Objects of a cluster that are `Stalled`, counted at each tick; dimension `cluster`. */
  stalledObjects: 'StalledObjects',
  /** Statuses recorded with reason `AuthenticationFailed`. */
  authenticationFailures: 'AuthenticationFailures',
  /** New revisions on GitHub that a tick found before any webhook told of them. */
  missedWebhooks: 'MissedWebhooks',
} as const;
