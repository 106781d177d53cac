import { applyNodes } from './apply/apply-nodes.ts';
import { concludeNodes } from './apply/conclude-nodes.ts';
import { blockRest, nextReadyNodes } from './apply/next-ready-nodes.ts';
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
import { pruneNodes } from './prune/prune-nodes.ts';

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
      await applyAllNodes(run);
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

async function applyAllNodes(run: ApplyRun): Promise<void> {
  for (let nodes = nextReadyNodes(run); nodes.length > 0 && mayStart(run); nodes = nextReadyNodes(run)) {
    const startedAt = run.ports.clock.now();
    for (const { id } of nodes) progressOf(run, id).startedAt = startedAt;
    await applyNodes(run, nodes);
    await pruneNodes(run, nodes);
    concludeNodes(run, nodes);
    retryUnknownKinds(run);
    noteVerdicts(
      run,
      nodes.map(({ id }) => progressOf(run, id)),
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
