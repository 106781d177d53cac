import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';

import { parseWorkMessage } from '#functions/parse-work-message.ts';
import { processFifoBatch } from '#functions/process-fifo-batch.ts';
import type { RunContext } from '#functions/run-time.ts';
import { defined } from '#shared/common/defined.ts';
import { TidegateError } from '#shared/common/tidegate-error.ts';
import type { Logger } from '#shared/ports/logger.ts';
import type { InstallationSettings } from '#shared/reconcile/hold-installation.ts';
import { isDue } from '#shared/reconcile/is-due.ts';
import { countResults } from '#shared/reconcile/log-run.ts';
import { readTickState } from '#shared/reconcile/read-previous-state.ts';
import { reconcileCluster } from '#shared/reconcile/reconcile-cluster.ts';
import type { ReconcilePorts } from '#shared/reconcile/reconcile-ports.ts';
import { watchAuthority } from '#shared/reconcile/watch-authority.ts';
import { watchCluster } from '#shared/reconcile/watch-cluster.ts';
import type { ClusterSettings } from '#shared/settings/settings.ts';

/** The cluster's lease while this process holds it. */
export interface HeldLease {
  holds(): boolean;
  release(): Promise<void>;
}

export interface ReconcileDependencies {
  readonly cluster: Pick<ClusterSettings, 'name' | 'path' | 'pruneGuard' | 'approvePrune' | 'namespaces'>;
  readonly installation: InstallationSettings;
  /** The API server, as the settings name it. */
  readonly server: string;
  /** What is to be said, at a time, of the end of what signs for it; nothing while that is far away. */
  readonly warnOfAuthority: (now: number) => string | undefined;
  readonly ports: ReconcilePorts;
  /** @returns undefined when another holds the lease for longer than it makes sense to wait. */
  readonly acquireLease: () => Promise<HeldLease | undefined>;
}

/** Kept back at the end of a run for what is in flight, the records and the journal; milliseconds. */
const RESERVE_MS = 20_000;
/** A run waits so long for health; then the tick goes on. Milliseconds. */
const AWAIT_HEALTH_MS = 60_000;

export type ReconcileHandler = (event: SQSEvent, context: RunContext) => Promise<SQSBatchResponse>;

/** The worker of one cluster's reconcile queue. */
export function createReconcileHandler(dependencies: ReconcileDependencies): ReconcileHandler {
  const { cluster, installation, server, warnOfAuthority, ports, acquireLease } = dependencies;
  return (event, context) =>
    processFifoBatch(
      event,
      async (record, log) => {
        const message = parseWorkMessage(record.body);
        switch (message.type) {
          case 'Tick': {
            const state = await readTickState(cluster.name, ports.journal);
            if (!isDue({ ...state, server }, ports.clock.now())) return;
            break;
          }
          case 'Reconcile':
            break;
          case 'RepositoryPushed':
          case 'PullRequestChanged':
          case 'SyncSource':
          case 'InstructionsChanged':
            throw new TidegateError(
              'MessageMalformed',
              `message ${message.type} does not belong in a reconcile queue`,
              {
                disposition: 'reject',
              },
            );
        }
        await watchAuthority(cluster.name, warnOfAuthority(ports.clock.now()), { ...ports, log });
        await watchCluster(cluster.name, { ...ports, log }, () => run(context, log));
      },
      ports.log,
      context,
    );

  async function run(context: RunContext, log: Logger): Promise<void> {
    const lease = await acquireLease();
    if (lease === undefined) {
      throw new TidegateError('LeaseHeld', `cluster ${cluster.name}: another run holds the lease`, {
        disposition: 'retry',
      });
    }
    try {
      const now = ports.clock.now();
      const deadline = now + context.getRemainingTimeInMillis() - RESERVE_MS;
      const result = await reconcileCluster(
        {
          cluster: cluster.name,
          path: cluster.path,
          installation,
          server,
          pruneGuard: cluster.pruneGuard,
          ...defined({ approvePrune: cluster.approvePrune, namespaces: cluster.namespaces }),
          deadline,
          awaitHealthUntil: Math.min(deadline, now + AWAIT_HEALTH_MS),
          isOutOfTime: () => context.getRemainingTimeInMillis() <= RESERVE_MS,
          holdsLease: () => lease.holds(),
        },
        { ...ports, log },
      );
      log.info('run finished', {
        cluster: cluster.name,
        outcome: result.outcome,
        ...(result.outcome === 'reconciled'
          ? {
              revision: result.desired.revision,
              ended: result.applied.ended,
              kustomizations: countResults(result.applied.sets),
              ms: ports.clock.now() - now,
            }
          : {}),
      });
    } finally {
      await lease.release();
    }
  }
}
