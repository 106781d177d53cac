/** The metrics that the functions write and the alarms watch. */
export const METRICS = {
  namespace: 'Tidegate',
  /** What of a cluster waits for a person, counted after each message of its queue; dimension `cluster`. */
  concerns: 'Concerns',
  /** Messages that another try cannot mend, and statuses that GitHub refuses for good. */
  dropped: 'Dropped',
  /** 1 for a push that a tick found before any webhook told of it, 0 for a webhook that arrived. */
  missedWebhooks: 'MissedWebhooks',
} as const;
