import { z } from 'zod';

import { defined } from '#shared/common/defined.ts';
import { TidegateError } from '#shared/common/tidegate-error.ts';

import type { EksCluster } from './eks-clusters.ts';
import type { Settings } from './settings.ts';

/** The name of the file beside the code of `reconcile`. */
export const CLUSTER_FILE = 'cluster.json';

const ClusterFileShape = z.strictObject({
  installation: z.string(),
  configRepository: z.strictObject({ url: z.string(), branch: z.string() }),
  cluster: z.strictObject({
    name: z.string(),
    path: z.string(),
    pruneGuard: z.strictObject({ maxObjects: z.number(), maxPercent: z.number() }),
    approvePrune: z.string().exactOptional(),
    namespaces: z.array(z.string()).min(1).exactOptional(),
  }),
  eks: z.strictObject({
    name: z.string(),
    region: z.string(),
    endpoint: z.string(),
    certificateAuthority: z.string(),
    roleArn: z.string().exactOptional(),
  }),
});

/**
 * What the `reconcile` of one cluster is told of the settings: its own cluster, and no other. An environment has 4 KiB for
 * all; two certificate authorities and a hundred namespaces have no room there.
 */
export type ClusterFile = z.infer<typeof ClusterFileShape>;

/** The text of the file that lies beside the code. */
export function formatClusterFile(
  { installation, configRepository }: Pick<Settings, 'installation' | 'configRepository'>,
  { name, path, pruneGuard, approvePrune, namespaces, target }: EksCluster,
): string {
  const file: ClusterFile = {
    installation,
    configRepository: { url: configRepository.url, branch: configRepository.branch },
    cluster: {
      name,
      path,
      pruneGuard: { maxObjects: pruneGuard.maxObjects, maxPercent: pruneGuard.maxPercent },
      ...defined({ approvePrune }),
      ...(namespaces === undefined ? {} : { namespaces: [...namespaces] }),
    },
    eks: {
      name: target.name,
      region: target.region,
      endpoint: target.endpoint,
      certificateAuthority: target.certificateAuthority,
      ...defined({ roleArn: target.roleArn }),
    },
  };
  return `${JSON.stringify(file, undefined, 2)}\n`;
}

/**
 * Reads that text.
 * @throws TidegateError `SettingsInvalid` (stall) when it is not what this version writes.
 */
export function parseClusterFile(text: string): ClusterFile {
  try {
    return ClusterFileShape.parse(JSON.parse(text));
  } catch (cause) {
    throw new TidegateError(
      'SettingsInvalid',
      `${CLUSTER_FILE} beside the function's code is not of this version: deploy the stack again`,
      { disposition: 'stall', cause },
    );
  }
}
