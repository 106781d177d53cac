/** A repository of one account's ECR in one region. */
export interface EcrRepository {
  readonly account: string;
  readonly region: string;
  readonly name: string;
}

const ADDRESS =
  /^(?<account>\d{12})\.dkr[.-]ecr(?:-fips)?\.(?<region>[a-z]{2,4}(?:-[a-z]+)+-\d)\.(?:amazonaws\.com(?:\.cn)?|on\.aws)\/(?<name>[a-z0-9]+(?:[._/-]+[a-z0-9]+)*)$/u;

/** Reads `<account>.dkr.ecr.<region>.amazonaws.com/<name>`; undefined when the image is not ECR's. */
export function parseEcrRepository(image: string): EcrRepository | undefined {
  // 256 characters is the longest name that ECR allows, and a host is at most 253.
  if (image.length > 512) return undefined;
  const { account, region, name } = ADDRESS.exec(image)?.groups ?? {};
  return account === undefined || region === undefined || name === undefined ? undefined : { account, region, name };
}
