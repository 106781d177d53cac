/** Where a person's command puts secrets; the product itself only reads them. */
export interface SecretStore {
  /** `Secrets Manager in eu-west-1`, for people. */
  readonly place: string;
  /**
   * Makes sure, without writing, that a secret can be put there.
   * @throws TidegateError (stall) when it cannot, or when it holds a value and `replace` is not set.
   */
  check(name: string, options: { readonly replace: boolean }): Promise<void>;
  write(name: string, value: string): Promise<void>;
}
