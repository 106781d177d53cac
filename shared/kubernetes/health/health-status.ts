/** Health of an object in the words of kstatus. */
export type HealthStatus = 'Current' | 'InProgress' | 'Failed' | 'Terminating' | 'NotFound' | 'Unknown';

/** How an object is, and why, for people. */
export interface Health {
  readonly status: HealthStatus;
  readonly message: string;
}
