/** One event as the queue of an outside service hands it over. */
export interface TakenEvent {
  readonly id: string;
  /** The event document as it was sent: untrusted. */
  readonly body: string;
  /** What `delete` and `release` take; good for this delivery only. */
  readonly receiptHandle: string;
  /** 1 the first time. */
  readonly receiveCount: number;
  /** Present on FIFO queues. */
  readonly group?: string;
}

/** A queue that an outside service fills: at least once, in order within a group, visible again unless deleted. */
export interface EventIntake {
  /**
   * Waits for at least one event, at most `waitSeconds` (up to 20).
   * @returns up to ten events; none when nothing came or `signal` was aborted.
   * @throws TidegateError `AccessDenied` or `EventQueueNotFound` (stall), `EventQueueUnavailable` (retry).
   */
  receive(request: { readonly waitSeconds: number; readonly signal?: AbortSignal }): Promise<readonly TakenEvent[]>;
  /** Forgets events that were handled; one whose time ran out comes again, which is no error. */
  delete(receiptHandles: readonly string[]): Promise<void>;
  /** Hands events back at once instead of after their time ran out. */
  release(receiptHandles: readonly string[]): Promise<void>;
}
