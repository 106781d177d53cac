import { X509Certificate } from 'node:crypto';

/** One certificate of a bundle, as far as trust in it is concerned. */
export interface BundledCertificate {
  /** `CN=kubernetes`. */
  readonly subject: string;
  /** Of the whole certificate, SHA-256. */
  readonly fingerprint: string;
  /** When it ends; milliseconds since the epoch. */
  readonly notAfter: number;
}

/** EKS has two at a time: the one that signs, and its successor. */
const MAX_CERTIFICATES = 100;
const PEM = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]*-----END CERTIFICATE-----/gu;

/**
 * Reads the certificates of a certificate authority as EKS and `tidegate.yaml` hold it: PEM, one after the other, in base64.
 * What is no certificate is left out.
 */
export function readCertificateBundle(base64: string): readonly BundledCertificate[] {
  const pem = Buffer.from(base64, 'base64').toString('latin1');
  const blocks = pem.match(PEM) ?? [];
  return blocks.slice(0, MAX_CERTIFICATES).flatMap((block) => {
    try {
      const { subject, fingerprint256, validTo } = new X509Certificate(block);
      return [{ subject: subject.replaceAll('\n', ', '), fingerprint: fingerprint256, notAfter: Date.parse(validTo) }];
    } catch {
      return [];
    }
  });
}

/** How the bundle of the settings stands beside that of EKS; each says what it means for the connection. */
export type BundleComparison =
  /** The same certificates, however they are written. */
  | { readonly outcome: 'same' }
  /** EKS has one more: its successor, which will sign one day. */
  | { readonly outcome: 'outdated'; readonly missing: readonly BundledCertificate[] }
  /** The settings have one more, which EKS gave up. */
  | { readonly outcome: 'surplus' }
  /** Nothing in common: it is another cluster. */
  | { readonly outcome: 'other' };

/** Compares them by what they trust. */
export function compareBundles(ofSettings: string, ofEks: string): BundleComparison {
  if (ofSettings === ofEks) return { outcome: 'same' };
  const [ours, theirs] = [readCertificateBundle(ofSettings), readCertificateBundle(ofEks)];
  const known = new Set(ours.map(({ fingerprint }) => fingerprint));
  const missing = theirs.filter(({ fingerprint }) => !known.has(fingerprint));
  if (theirs.length === 0 || missing.length === theirs.length) return { outcome: 'other' };
  if (missing.length > 0) return { outcome: 'outdated', missing };
  return known.size > new Set(theirs.map(({ fingerprint }) => fingerprint)).size
    ? { outcome: 'surplus' }
    : { outcome: 'same' };
}

/** EKS begins a rotation by itself long before; who did not hear of it has so long. Milliseconds. */
const WARN_BEFORE_MS = 90 * 86_400_000;

/**
 * What is to be said of the ends of the certificates: nothing, a warning, or that nobody is trusted any more. An outgoing
 * one that ends is no trouble while its successor is in the bundle.
 */
export function judgeEnds(
  certificates: readonly BundledCertificate[],
  now: number,
): { readonly severity: 'problem' | 'warning'; readonly message: string } | undefined {
  const [first, ...others] = lastFirst(certificates);
  if (first === undefined) {
    return { severity: 'problem', message: 'found no certificate in it; allowed: PEM in base64' };
  }
  const ends = formatDay(first.notAfter);
  const rotate = 'begin its rotation with `aws eks create-certificate-authority`, then `tidegate cluster refresh`';
  if (first.notAfter <= now) {
    return { severity: 'problem', message: `ended on ${ends}, so that the cluster is not trusted any more; ${rotate}` };
  }
  if (first.notAfter - now <= WARN_BEFORE_MS) {
    return { severity: 'problem', message: `ends on ${ends}, and it has no successor; ${rotate}` };
  }
  const leaving = others.filter(({ notAfter }) => notAfter - now <= WARN_BEFORE_MS);
  if (leaving.length === 0) return undefined;
  const days = leaving.map(({ notAfter }) => formatDay(notAfter)).join(', ');
  return { severity: 'warning', message: `one ends on ${days}; its successor is trusted until ${ends}` };
}

/**
 * What is to be said of the bundle that is trusted, without asking anybody for another one; nothing while its last
 * certificate holds for longer. What holds no certificate is for the first connection to say.
 * @param remedy what a person does.
 */
function warnOfEnd(
  cluster: string,
  certificates: readonly BundledCertificate[],
  remedy: string,
  now: number,
): string | undefined {
  const [last] = lastFirst(certificates);
  if (last === undefined || last.notAfter - now > WARN_BEFORE_MS) return undefined;
  const ends = formatDay(last.notAfter);
  const state = last.notAfter <= now ? `ended on ${ends}` : `ends on ${ends}, and no successor is trusted`;
  return `the certificate authority of cluster ${cluster} ${state}; ${remedy}`;
}

/** That for a cluster of EKS, whose bundle is in the settings. */
export function warnOfEksBundle(cluster: string, base64: string, now: number): string | undefined {
  const remedy = `run \`tidegate cluster refresh ${cluster}\`, and deploy; where EKS has no successor either, begin the rotation with \`aws eks create-certificate-authority\` first`;
  return warnOfEnd(cluster, readCertificateBundle(base64), remedy, now);
}

/** That for a cluster with a kubeconfig. */
export function warnOfKubeconfigBundle(cluster: string, base64: string, now: number): string | undefined {
  const remedy = 'put the successor beside it into the kubeconfig, and start serve again';
  return warnOfEnd(cluster, readCertificateBundle(base64), remedy, now);
}

function lastFirst(certificates: readonly BundledCertificate[]): readonly BundledCertificate[] {
  return certificates.toSorted((one, other) => other.notAfter - one.notAfter);
}

/** `2036-11-24`. */
export function formatDay(time: number): string {
  return Number.isFinite(time) ? new Date(time).toISOString().slice(0, 10) : 'an unknown day';
}
