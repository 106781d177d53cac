/** One thing wrong in a text that a person wrote, with the place to mend it. */
export interface Problem {
  /** Path as the person knows it, relative to the repository or as given on the command line. */
  readonly file: string;
  /** 1-based; absent when the text was generated and the place is only known by file. */
  readonly line?: number;
  readonly column?: number;
  /** Dotted path of the field: `spec.sourceRef.kind`, `clusters[1].name`. */
  readonly field: string;
  /** Lower case: what was found, what is allowed, what to do. */
  readonly message: string;
}

/** `file:line:column: field: message`, leaving out what is not known. */
export function formatProblem(problem: Problem): string {
  const place = [problem.file, problem.line, problem.column].filter((part) => part !== undefined).join(':');
  return problem.field === '' ? `${place}: ${problem.message}` : `${place}: ${problem.field}: ${problem.message}`;
}
