import { ensureMoto } from './aws/ensure-moto.ts';
import { ensureClusterBinaries } from './cluster/build-binaries.ts';

/** Builds or finds everything that the stand-ins need, so that nothing later has to wait for a build. */
export async function ensureStandIns(progress: (line: string) => void): Promise<void> {
  // Moto is downloaded while Go compiles; a missing tool is told once both have been looked for.
  const results = await Promise.allSettled([ensureClusterBinaries({ progress }), ensureMoto({ progress })]);
  const reasons = results.flatMap((result) => (result.status === 'rejected' ? [describe(result.reason)] : []));
  if (reasons.length > 0) throw new Error(reasons.join('\n'));
}

function describe(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}
