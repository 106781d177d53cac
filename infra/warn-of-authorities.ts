import type { Stack } from 'aws-cdk-lib';
import { Annotations } from 'aws-cdk-lib';

import { warnOfEksBundle } from '#shared/settings/certificate-bundle.ts';
import type { EksCluster } from '#shared/settings/eks-clusters.ts';

/** Warns of each cluster of a stack whose certificate authority is about to end: who deploys is the one who can mend it. */
export function warnOfAuthorities(stack: Stack, clusters: readonly EksCluster[], now: number): void {
  for (const { name, target } of clusters) {
    const warning = warnOfEksBundle(name, target.certificateAuthority, now);
    if (warning !== undefined) Annotations.of(stack).addWarningV2(`tidegate:certificateAuthority-${name}`, warning);
  }
}
