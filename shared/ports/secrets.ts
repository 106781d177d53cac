/** Named secrets: Secrets Manager in AWS, a folder of files in `serve`. */
export interface Secrets {
  /**
   * @param request.renewed the value read before did not do: a cache looks whether there is a newer one.
   * @returns undefined when there is no such secret.
   */
  read(name: string, request?: { readonly renewed?: boolean }): Promise<string | undefined>;
}
