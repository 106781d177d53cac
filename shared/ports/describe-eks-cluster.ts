/** What EKS says of a cluster, as far as an installation needs it. */
export interface EksClusterDescription {
  /** `ACTIVE`, or why it does not answer yet or any more. */
  readonly status: string;
  /** The account that it is of, as the answer says. */
  readonly account?: string;
  readonly endpoint?: string;
  /** Base64 of the PEM. */
  readonly certificateAuthority?: string;
  /** `CONFIG_MAP`, `API` or `API_AND_CONFIG_MAP`. */
  readonly authenticationMode: string;
  readonly network: EksNetwork;
}

/** Who reaches the API server of a cluster, and where that is. */
export interface EksNetwork {
  /** Empty where EKS does not say. */
  readonly vpc: string;
  readonly subnets: readonly string[];
  /** The security group that EKS made for it; a cluster on an outpost has none. */
  readonly clusterSecurityGroup?: string;
  /** Whether it has an endpoint on the internet. */
  readonly publicAccess: boolean;
  /** Whom that lets in. */
  readonly publicAccessCidrs: readonly string[];
  /** Whether it has an endpoint in its VPC. */
  readonly privateAccess: boolean;
}

/** Asks EKS about one cluster; undefined when it has none of that name. */
export type DescribeEksCluster = (cluster: {
  readonly region: string;
  readonly name: string;
}) => Promise<EksClusterDescription | undefined>;
