/** `image.toolkit.fluxcd.io/v1` ImageRepository, validated, defaults filled in, durations in milliseconds. */
export interface ImageRepository {
  readonly namespace: string;
  readonly name: string;
  /** Image without tag or digest: `123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app`. */
  readonly image: string;
  readonly intervalMs: number;
  /** RE2 patterns of tags to leave out. */
  readonly exclusionList: readonly string[];
  readonly suspend: boolean;
}
