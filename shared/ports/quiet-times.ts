/** A time in which GitHub is not asked, because it said when it will answer again. */
export interface QuietTime {
  /** Whose budget is used up: the account that the GitHub App is installed on, or `token` for all that one token reaches. */
  readonly account: string;
  /** Milliseconds since the epoch. */
  readonly since: number;
  readonly until: number;
  /** As part of a sentence: `its hourly budget is used up`. */
  readonly why: string;
}

/** The ends of GitHub's limits, as every process of an installation knows them. */
export interface QuietTimes {
  /** @returns the quiet time that the owner of a repository is in now. */
  find(owner: string): Promise<QuietTime | undefined>;
  /** Begins one, or lengthens it; `isNamed` when GitHub itself named the end. */
  begin(
    owner: string,
    quiet: { readonly until: number; readonly why: string; readonly isNamed: boolean },
  ): Promise<QuietTime>;
}
