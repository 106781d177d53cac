import type { GitCredentials } from './git-remote.ts';

/** Where credentials for sources come from: the GitHub App or token, or a named secret. */
export interface SourceCredentials {
  /**
   * @returns nothing for a host that is read without credentials.
   * @throws TidegateError `AuthenticationFailed` (stall) naming the missing secret and how to add it.
   */
  forSource(request: {
    readonly cluster: string;
    readonly url: string;
    readonly secret?: { readonly namespace: string; readonly name: string };
  }): Promise<GitCredentials | undefined>;
}
