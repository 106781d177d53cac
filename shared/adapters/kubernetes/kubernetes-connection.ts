/** What a request carries to be let in. */
export interface KubernetesCredentials {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly serverName?: string;
  readonly skipTlsVerify?: boolean;
  readonly headers: Readonly<Record<string, string>>;
  /** When new ones are asked for although these still do, in milliseconds since the epoch. */
  readonly renewAt?: number;
}

/** Where an API server is and how to be let in. Made from what a person chose, never from a repository. */
export interface KubernetesConnection {
  /** `https://127.0.0.1:6443`, possibly with a path. */
  readonly server: string;
  /** `renewed`: the server refused the last ones, so no cached credentials will do. */
  credentials(options: { readonly renewed: boolean }): Promise<KubernetesCredentials>;
}
