const COMMERCIAL =
  'af-south-1 ap-east-1 ap-east-2 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-south-2 ap-southeast-1 ' +
  'ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 ap-southeast-6 ap-southeast-7 ca-central-1 ca-west-1 ' +
  'eu-central-1 eu-central-2 eu-north-1 eu-south-1 eu-south-2 eu-west-1 eu-west-2 eu-west-3 il-central-1 me-central-1 ' +
  'me-south-1 me-west-1 mx-central-1 sa-east-1 sa-west-1 us-east-1 us-east-2 us-west-1 us-west-2';
const OTHER_PARTITIONS =
  'cn-north-1 cn-northwest-1 eusc-de-east-1 us-gov-east-1 us-gov-west-1 eu-isoe-west-1 us-iso-east-1 us-iso-west-1 ' +
  'us-isob-east-1 us-isob-west-1 us-isof-east-1 us-isof-south-1';

/** The regions of AWS, of all its partitions. */
export const AWS_REGIONS: readonly string[] = `${COMMERCIAL} ${OTHER_PARTITIONS}`.split(' ');

/** A part of AWS with accounts, ARNs and addresses of its own. */
interface Partition {
  /** As it stands in ARNs. */
  readonly id: string;
  /** What the names of its regions begin with. */
  readonly prefix: string;
  readonly name: string;
  /** How the addresses of its services end. */
  readonly suffix: string;
}

/** https://docs.aws.amazon.com/general/latest/gr/rande.html, and the partitions that the SDK comes with. */
const PARTITIONS: readonly Partition[] = [
  { id: 'aws-cn', prefix: 'cn-', name: 'China', suffix: 'amazonaws.com.cn' },
  { id: 'aws-us-gov', prefix: 'us-gov-', name: 'AWS GovCloud (US)', suffix: 'amazonaws.com' },
  { id: 'aws-eusc', prefix: 'eusc-', name: 'the AWS European Sovereign Cloud', suffix: 'amazonaws.eu' },
  { id: 'aws-iso', prefix: 'us-iso-', name: 'an isolated partition', suffix: 'c2s.ic.gov' },
  { id: 'aws-iso-b', prefix: 'us-isob-', name: 'an isolated partition', suffix: 'sc2s.sgov.gov' },
  { id: 'aws-iso-e', prefix: 'eu-isoe-', name: 'an isolated partition', suffix: 'cloud.adc-e.uk' },
  { id: 'aws-iso-f', prefix: 'us-isof-', name: 'an isolated partition', suffix: 'csp.hci.ic.gov' },
];
const REST: Partition = { id: 'aws', prefix: '', name: 'the commercial partition', suffix: 'amazonaws.com' };

/** The partitions that the stack is made for. */
const DEPLOYABLE: ReadonlySet<string> = new Set(['aws', 'aws-us-gov']);

/** The partition of a region, as it stands in ARNs: roles of one reach nothing in another. */
export function partitionOf(region: string): string {
  return findPartition(region).id;
}

/** Why no stack can be deployed to a region; undefined where one can. */
export function whyNotDeployable(region: string): string | undefined {
  const { id, name, suffix } = findPartition(region);
  if (DEPLOYABLE.has(id)) return undefined;
  return `is in ${name} (${id}, addresses below ${suffix}), where the stack is not known to work: tokens for EKS, X-Ray, the layer with kubectl and the way to GitHub were never tried there`;
}

function findPartition(region: string): Partition {
  return PARTITIONS.find(({ prefix }) => region.startsWith(prefix)) ?? REST;
}
