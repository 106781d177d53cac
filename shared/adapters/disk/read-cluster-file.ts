import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { ClusterFile } from '#shared/settings/cluster-file.ts';
import { CLUSTER_FILE, parseClusterFile } from '#shared/settings/cluster-file.ts';

/**
 * Reads what was deployed of the settings beside the code of `reconcile`.
 * @throws TidegateError `SettingsInvalid` (stall) when another version wrote it.
 */
export async function readClusterFile(folder: string): Promise<ClusterFile> {
  return parseClusterFile(await readFile(join(folder, CLUSTER_FILE), 'utf8'));
}
