/** What EKS says of a cluster, as far as an installation needs it. */
export interface EksClusterDescription {
  /** `ACTIVE`, or why it does not answer yet or any more. */
  readonly status: string;
  readonly endpoint?: string;
  /** Base64 of the PEM. */
  readonly certificateAuthority?: string;
  /** `CONFIG_MAP`, `API` or `API_AND_CONFIG_MAP`. */
  readonly authenticationMode: string;
  /** The VPC that alone reaches its endpoint; undefined where the endpoint is public. */
  readonly privateTo?: { readonly vpc: string; readonly subnets: readonly string[] };
}

/** Asks EKS about one cluster; undefined when it has none of that name. */
export type DescribeEksCluster = (cluster: {
  readonly region: string;
  readonly name: string;
}) => Promise<EksClusterDescription | undefined>;
