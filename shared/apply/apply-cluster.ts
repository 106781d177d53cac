import { applyWave } from './apply-wave.ts';
import { mayStart, progressOf, type ApplyRun, type SetProgress } from './apply-run.ts';
import { beginRun } from './begin-run.ts';
import { concludeWave } from './conclude-wave.ts';
import type { ApplyOutcome, ApplyPorts, ApplyRequest } from './desired-state.ts';
import { ensureParents } from './ensure-parents.ts';
import { findOrphans } from './find-orphans.ts';
import { blockRest, nextWave } from './next-wave.ts';
import { pruneDeletedSets } from './prune-deleted-sets.ts';
import { pruneWave } from './prune-wave.ts';
import { retryUnknownKinds } from './retry-unknown-kinds.ts';
import { saveRecords } from './save-records.ts';
import { summariseRun } from './summarise-run.ts';
import { waitForHealth } from './wait-for-health.ts';

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
    return summariseRun(run, deleted);
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
