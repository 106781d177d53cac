import type { ApplyRecords } from '#shared/ports/apply-records.ts';

import type { JournalView } from './journal-view.ts';

/** Tidegate as it is installed on an environment, in whatever way. */
export interface Installation {
  /** `tidegate serve`. */
  readonly name: string;
  readonly logFiles: readonly string[];
  readonly journal: JournalView;
  readonly records: Pick<ApplyRecords, 'load'>;
  /** Begins to work. */
  start(): Promise<void>;
  /** How it ended, if it ended without being told to. */
  unexpectedEnd(): string | undefined;
}
