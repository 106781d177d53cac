import { applyWave } from './apply/apply-wave.ts';
import { concludeWave } from './apply/conclude-wave.ts';
import { blockRest, nextWave } from './apply/next-wave.ts';
import { retryUnknownKinds } from './apply/retry-unknown-kinds.ts';
import { waitForHealth } from './health/wait-for-health.ts';
import { ensureParents } from './inventory/ensure-parents.ts';
import { saveRecords } from './inventory/save-records.ts';
import type { ApplyOutcome, ApplyPorts, ApplyRequest } from './model/apply-request.ts';
import { mayStart, progressOf, type ApplyRun, type SetProgress } from './model/apply-run.ts';
import { beginRun } from './model/begin-run.ts';
import { summarizeRun } from './model/summarize-run.ts';
import { findOrphans } from './prune/find-orphans.ts';
import { pruneDeletedSets } from './prune/prune-deleted-sets.ts';
import { pruneWave } from './prune/prune-wave.ts';

/**
 * Brings one cluster to what Git desires: observe, then wave by wave of Kustomizations that may go, plan and execute.
 * The caller holds the cluster's lease and records the outcome.
 */
export async function applyCluster(request: ApplyRequest, ports: ApplyPorts): Promise<ApplyOutcome> {
  const run = await beginRun(request, ports);
  try {
    await ensureParents(run, knownSuspended(run));
    do {
      noteVerdicts(run);
      await applyWaves(run);
    } while (await waitForHealth(run));
    noteVerdicts(run);
    blockRest(run);
    const deleted = await pruneDeletedSets(run);
    await findOrphans(run);
    return summarizeRun(run, deleted);
  } finally {
    await saveRecords(run);
  }
}

async function applyWaves(run: ApplyRun): Promise<void> {
  for (let wave = nextWave(run); wave.length > 0 && mayStart(run); wave = nextWave(run)) {
    const startedAt = run.ports.clock.now();
    for (const { id } of wave) progressOf(run, id).startedAt = startedAt;
    await applyWave(run, wave);
    await pruneWave(run, wave);
    concludeWave(run, wave);
    retryUnknownKinds(run);
    noteVerdicts(
      run,
      wave.map(({ id }) => progressOf(run, id)),
    );
  }
}

/** One that still awaits its health has no verdict yet. */
function noteVerdicts(run: ApplyRun, among: Iterable<SetProgress> = run.progress.values()): void {
  const endedAt = run.ports.clock.now();
  for (const progress of among) {
    if (progress.startedAt !== undefined && progress.phase !== 'applied') progress.endedAt ??= endedAt;
  }
}

// Suspension is written down where it is found again when the Kustomization is gone from Git.
function knownSuspended(run: ApplyRun) {
  const parents = new Set(
    run.cluster.parents.map(({ kustomization }) => `${kustomization.namespace}/${kustomization.name}`),
  );
  return run.sets.filter(({ id, render }) => render.kind === 'suspended' && parents.has(`${id.namespace}/${id.name}`));
}
