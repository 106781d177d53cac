import type { EksClusterDescription } from '#shared/ports/describe-eks-cluster.ts';

/** An EKS cluster by what AWS knows it by. */
export interface EksName {
  readonly region: string;
  readonly name: string;
}

/** A command that ends without having done anything: what a person has to change, each on a line. */
export interface Refusal {
  readonly outcome: 'refused';
  readonly problems: readonly string[];
}

export function refuse(...problems: readonly string[]): Refusal {
  return { outcome: 'refused', problems };
}

/** How people are told which one is meant. */
export function nameEksCluster({ name, region }: EksName): string {
  return `EKS cluster ${name} in ${region}`;
}

/** What a cluster that Tidegate can be deployed to has. */
export type UsableEksCluster = EksClusterDescription &
  Required<Pick<EksClusterDescription, 'endpoint' | 'certificateAuthority'>>;

/**
 * What EKS has to say of a cluster before anything of it goes into the settings.
 * @param otherwise what a person does when there is no such cluster.
 */
export function refuseEksCluster(
  eks: EksName,
  found: EksClusterDescription | undefined,
  otherwise: string,
): Refusal | { readonly outcome: 'usable'; readonly found: UsableEksCluster } {
  if (found === undefined) return refuse(whyMissing(eks, otherwise));
  const { endpoint, certificateAuthority } = found;
  const why = whyNotActive(eks, found) ?? whyWithoutEntries(eks, found);
  if (why !== undefined) return refuse(why);
  if (endpoint === undefined || certificateAuthority === undefined) {
    return refuse(`${nameEksCluster(eks)} has no endpoint or certificate authority yet; try again in a minute`);
  }
  return { outcome: 'usable', found: { ...found, endpoint, certificateAuthority } };
}

export function whyMissing(eks: EksName, otherwise: string): string {
  return `${nameEksCluster(eks)} does not exist in this account; ${otherwise}`;
}

/** A cluster goes on working while it is updated, as to another version, or in a rotation of its certificate authority. */
export function whyNotActive(eks: EksName, { status }: Pick<EksClusterDescription, 'status'>): string | undefined {
  if (status === 'ACTIVE' || status === 'UPDATING') return undefined;
  const isComing = status === 'CREATING' || status === 'PENDING';
  const advice = isComing ? 'wait until it is' : 'look at it with `aws eks describe-cluster`';
  return `${nameEksCluster(eks)} is ${status}; allowed: ACTIVE, UPDATING; ${advice}`;
}

/** The function of a cluster is let in by an access entry alone. */
export function whyWithoutEntries(
  eks: EksName,
  { authenticationMode }: Pick<EksClusterDescription, 'authenticationMode'>,
): string | undefined {
  if (authenticationMode !== 'CONFIG_MAP') return undefined;
  const update = `aws eks update-cluster-config --region ${eks.region} --name ${eks.name} --access-config authenticationMode=API_AND_CONFIG_MAP`;
  return `${nameEksCluster(eks)} has authentication mode CONFIG_MAP, which knows no access entries; allowed: API, API_AND_CONFIG_MAP; run \`${update}\` (everyone who has access keeps it; it cannot be taken back), then this again`;
}
