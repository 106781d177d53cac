import type { EksClusterDescription } from '#shared/ports/describe-eks-cluster.ts';
import { compareBundles, formatDay, judgeEnds, readCertificateBundle } from '#shared/settings/certificate-bundle.ts';
import type { EksCluster } from '#shared/settings/eks-clusters.ts';
import type { Finding, SettingsPath } from '#shared/settings/settings-places.ts';

import { nameEksCluster, whyNotActive, whyWithoutEntries } from './refuse-eks-cluster.ts';

/** What is wrong with a cluster of the settings beside what EKS says of it, and what is only to be known. */
export interface EksVerdict {
  readonly findings: readonly Finding[];
  readonly warnings: readonly string[];
}

/** Compares them, before a deployment finds out: one cluster that does not fit takes the deployment of all others back. */
export function judgeEksCluster(
  { name, target }: EksCluster,
  found: EksClusterDescription,
  path: SettingsPath,
  now: number,
): EksVerdict {
  const subject = nameEksCluster(target);
  const refresh = `run \`tidegate cluster refresh ${name}\``;
  const { endpoint, network } = found;
  const unusable = [whyNotActive(target, found), whyWithoutEntries(target, found)];
  const certificates = judgeCertificates(subject, refresh, target.certificateAuthority, found, now);
  const own = [
    ...(endpoint === target.endpoint
      ? []
      : [{ at: 'endpoint', message: `is not what EKS says of ${subject}: ${endpoint ?? 'nothing'}; ${refresh}` }]),
    ...(certificates.problem === undefined ? [] : [{ at: 'certificateAuthority', message: certificates.problem }]),
    ...unusable.flatMap((message) => (message === undefined ? [] : [{ at: 'name', message }])),
  ];
  const isElsewhere = target.vpc !== undefined && network.vpc !== '' && network.vpc !== target.vpc.id;
  return {
    findings: own.map(({ at, message }) => ({ path: [...path, at], message })),
    warnings: [
      ...(certificates.warning === undefined ? [] : [`its certificate authority: ${certificates.warning}`]),
      ...(isElsewhere
        ? [
            `it is in ${network.vpc}, and its function in ${target.vpc.id}: that has to reach its endpoint and find its name`,
          ]
        : []),
    ],
  };
}

function judgeCertificates(
  subject: string,
  refresh: string,
  ofSettings: string,
  { certificateAuthority: ofEks = '' }: EksClusterDescription,
  now: number,
): { readonly problem?: string; readonly warning?: string } {
  const comparison = compareBundles(ofSettings, ofEks);
  switch (comparison.outcome) {
    case 'other':
      return {
        problem: `is not what EKS says of ${subject}: the cluster was built anew, or is another one; ${refresh}`,
      };
    case 'outdated': {
      const days = comparison.missing.map(({ notAfter }) => formatDay(notAfter)).join(', ');
      return {
        problem: `lacks the successor that EKS has for ${subject} (until ${days}) and turns to by itself one day; ${refresh}, and deploy`,
      };
    }
    case 'surplus':
    case 'same': {
      const certificates = readCertificateBundle(ofEks);
      // What is no certificate on both sides is for the first connection to say.
      const verdict = certificates.length === 0 ? undefined : judgeEnds(certificates, now);
      if (verdict === undefined) return {};
      return verdict.severity === 'problem' ? { problem: verdict.message } : { warning: verdict.message };
    }
  }
}
