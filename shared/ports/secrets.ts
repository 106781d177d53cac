/** Named secrets: Secrets Manager in AWS, a folder of files in `serve`. */
export interface Secrets {
  /** @returns undefined when there is no such secret. */
  read(name: string): Promise<string | undefined>;
}
