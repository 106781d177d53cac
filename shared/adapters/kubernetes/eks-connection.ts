import type { AwsCredentials } from './eks-token.ts';
import { createEksToken } from './eks-token.ts';
import type { KubernetesConnection, KubernetesCredentials } from './kubernetes-connection.ts';

const RENEW_AFTER_MS = 10 * 60_000;

/** An EKS cluster as the settings of the installation describe it: nothing of it comes from a repository. */
export interface EksConnectionOptions {
  /** The cluster's name in EKS. */
  readonly name: string;
  readonly region: string;
  readonly endpoint: string;
  /** In base64, as EKS and `tidegate.yaml` hold it. */
  readonly certificateAuthority: string;
  /** Whose access entry counts: the function's own role, or one it assumes. An SDK client's `config.credentials` will do. */
  readonly credentials: () => Promise<AwsCredentials>;
  readonly now: () => number;
}

/** Connects to an EKS cluster with tokens made here, a new one after ten of their fifteen minutes. */
export function eksConnection(options: EksConnectionOptions): KubernetesConnection {
  const { name, region, endpoint, now } = options;
  const ca = Buffer.from(options.certificateAuthority, 'base64').toString('utf8');
  let last: KubernetesCredentials | undefined;
  return {
    server: endpoint.replace(/\/$/u, ''),
    credentials: async ({ renewed }) => {
      const madeAt = now();
      if (!renewed && last?.renewAt !== undefined && madeAt < last.renewAt) return last;
      const credentials = await options.credentials();
      const token = await createEksToken({ cluster: name, region, credentials, now: madeAt });
      last = { ca, headers: { authorization: `Bearer ${token}` }, renewAt: madeAt + RENEW_AFTER_MS };
      return last;
    },
  };
}
