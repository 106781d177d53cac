import { ensureMoto } from '#stand-ins/aws/ensure-moto.ts';
import { ensureAuthenticator, ensureClusterBinaries } from '#stand-ins/kubernetes/build-binaries.ts';
import { ensureOracles } from '#stand-ins/oracles/ensure-oracles.ts';

/** Builds or finds everything that the stand-ins need, so that nothing later has to wait for a build. */
export async function ensureStandIns(progress: (line: string) => void): Promise<void> {
  // Moto is downloaded while Go compiles; a missing tool is told once both have been looked for.
  await settleAll([ensureClusterBinaries({ progress }), ensureMoto({ progress })]);
}

/** The same and what only tests need, which a first demo does not have to wait for. */
export async function ensureTestStandIns(progress: (line: string) => void): Promise<void> {
  // The many modules of the others are downloaded while the first compiles.
  await settleAll([
    ensureStandIns(progress),
    ensureAuthenticator({ progress }).then(() => ensureOracles({ progress })),
  ]);
}

async function settleAll(preparations: readonly Promise<unknown>[]): Promise<void> {
  const results = await Promise.allSettled(preparations);
  const reasons = results.flatMap((result) => (result.status === 'rejected' ? [describe(result.reason)] : []));
  const isNews = (reason: string, index: number): boolean =>
    !reasons.slice(0, index).some((earlier) => earlier.includes(reason));
  if (reasons.length > 0) throw new Error(reasons.filter(isNews).join('\n'));
}

function describe(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}
