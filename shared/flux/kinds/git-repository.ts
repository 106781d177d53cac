/** `source.toolkit.fluxcd.io/v1` GitRepository, validated, defaults filled in, durations in milliseconds. */
export interface GitRepository {
  readonly namespace: string;
  readonly name: string;
  /** As written; `ssh://git@github.com/…` is read over HTTPS. */
  readonly url: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** As in Flux, when several are set: `name`, then `commit`, `semver`, `tag`, `branch`. Default branch `master`. */
  readonly ref: {
    readonly branch?: string;
    readonly tag?: string;
    readonly semver?: string;
    readonly name?: string;
    readonly commit?: string;
  };
  /** Patterns in `.gitignore` syntax, after the defaults and the `.sourceignore` files; the last match wins, as in Flux. */
  readonly ignore?: string;
  readonly secretRef?: string;
  readonly suspend: boolean;
}
