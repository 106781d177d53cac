import { defined } from '#shared/common/defined.ts';
import { TidegateError } from '#shared/common/tidegate-error.ts';

/** An image as manifests write it: `[host[:port]/]path[:tag][@digest]`. */
export interface ImageReference {
  /** Host and path, as written: `reg:5000/a/b`, `podinfo`. */
  readonly name: string;
  readonly tag?: string;
  /** `sha256:<hex>`. */
  readonly digest?: string;
}

/** The parts of `<account>.dkr.ecr.<region>.amazonaws.com/<repository>`. */
export interface EcrImage {
  readonly account: string;
  readonly region: string;
  readonly repository: string;
}

const HOST = String.raw`(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])(?::\d{1,5})?`;
const PART = String.raw`[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*`;
const NAME = new RegExp(String.raw`^(?:${HOST}/)?${PART}(?:/${PART})*$`, 'u');
const TAG = /^\w[\w.-]{0,127}$/u;
const DIGEST = /^sha256:[0-9a-f]{64}$/u;
/** The hosts of ECR: with FIPS, with IPv6, in China and in the other partitions. */
const ECR_DOMAIN = [
  'amazonaws.com',
  'amazonaws.com.cn',
  'amazonaws.eu',
  'on.aws',
  'on.amazonwebservices.com.cn',
  'c2s.ic.gov',
  'sc2s.sgov.gov',
  'cloud.adc-e.uk',
  'csp.hci.ic.gov',
]
  .map((domain) => domain.replaceAll('.', String.raw`\.`))
  .join('|');
const ECR = new RegExp(String.raw`^(\d{12})\.dkr[.-]ecr(?:-fips)?\.([a-z0-9-]+)\.(?:${ECR_DOMAIN})$`, 'u');
const MAX_LENGTH = 512;

/**
 * Parses an image reference.
 *
 * @example parseImageReference('reg:5000/a/b:v1') // { name: 'reg:5000/a/b', tag: 'v1' }
 * @throws TidegateError `InvalidImage` (stall).
 */
export function parseImageReference(text: string): ImageReference {
  const reference = tryParseImageReference(text);
  if (reference === undefined) {
    throw new TidegateError(
      'InvalidImage',
      `image "${text.slice(0, 80)}" is not [host[:port]/]path[:tag][@sha256:digest] in lower case`,
      { disposition: 'stall', subject: text.slice(0, 80) },
    );
  }
  return reference;
}

/** As `parseImageReference`, with undefined for what is no reference. */
export function tryParseImageReference(text: string): ImageReference | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  const at = text.indexOf('@');
  const digest = at < 0 ? undefined : text.slice(at + 1);
  const tagged = at < 0 ? text : text.slice(0, at);
  const colon = tagged.indexOf(':', tagged.lastIndexOf('/') + 1);
  const tag = colon < 0 ? undefined : tagged.slice(colon + 1);
  const name = colon < 0 ? tagged : tagged.slice(0, colon);
  if (!NAME.test(name) || (tag !== undefined && !isTag(tag)) || (digest !== undefined && !isDigest(digest))) {
    return undefined;
  }
  return { name, ...defined({ tag, digest }) };
}

/** `name[:tag][@digest]`. */
export function formatImageReference(reference: ImageReference): string {
  const tag = reference.tag === undefined ? '' : `:${reference.tag}`;
  return `${reference.name}${tag}${reference.digest === undefined ? '' : `@${reference.digest}`}`;
}

/** Whether a registry may hold this tag. */
export function isTag(text: string): boolean {
  return TAG.test(text);
}

/** Whether this is a digest that we write into manifests. */
export function isDigest(text: string): boolean {
  return DIGEST.test(text);
}

/** @returns undefined for an image of any other registry. */
export function parseEcrImage(image: string): EcrImage | undefined {
  const slash = image.indexOf('/');
  const repository = image.slice(slash + 1);
  // Hosts are the same in any case.
  const [, account, region] = ECR.exec(image.slice(0, Math.max(slash, 0)).toLowerCase()) ?? [];
  if (account === undefined || region === undefined || repository === '') return undefined;
  return { account, region, repository };
}
