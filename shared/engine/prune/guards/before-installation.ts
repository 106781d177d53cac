import { ownEntry } from '#shared/kubernetes/own-entry.ts';

import type { PruneGuardCheck } from './prune-candidate.ts';

/**
 * Holds for what carries our label and was written before this installation came to the cluster: another one left it there
 * when it was taken away, inventory and all, and its sets had the same names.
 */
export const beforeInstallation: PruneGuardCheck = ({ object: { live, id } }, { installedAt, isRecorded }) => {
  if (installedAt === undefined || isRecorded(id, live.uid)) return undefined;
  const writtenAt = Date.parse(ownEntry(live)?.time ?? '');
  return writtenAt >= installedAt
    ? undefined
    : 'it was applied before this installation came to the cluster, and nobody knows by whom; delete it by hand if nobody needs it';
};
