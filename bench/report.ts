/** A value in a table, written as it stands. */
export type Cell = string | number;

/** A table of measurements, and what was promised of them. */
export interface Report {
  readonly title: string;
  /** How it was measured, in a sentence. */
  readonly method: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
  readonly promises: readonly KeptPromise[];
}

/** A figure that was to be reached. */
export interface KeptPromise {
  readonly promise: string;
  readonly measured: string;
  readonly isKept: boolean;
}
