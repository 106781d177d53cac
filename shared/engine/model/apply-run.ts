import { formatNamespacedName, type NamespacedName } from '#shared/flux/resource-key.ts';
import type { ObjectId } from '#shared/kubernetes/kubernetes-object.ts';

import type { UnseenObject } from '../apply/plan-apply.ts';
import type { RecordBook } from '../inventory/apply-record.ts';
import type { ObservedCluster } from '../observe/observed-cluster.ts';
import type { PruneCandidate } from '../prune/guards/prune-candidate.ts';
import type {
  ApplyFailure,
  ApplyOutcome,
  ApplyPorts,
  ApplyRequest,
  ChangeSetEntry,
  DesiredSet,
  HealthResult,
  SetState,
  WithheldPrune,
} from './apply-request.ts';
import type { DesiredInCluster } from './desired-in-cluster.ts';

/** What is known so far of one Kustomization in this run. `applied`: health is still awaited. */
export interface SetProgress {
  readonly set: DesiredSet;
  phase: 'pending' | 'applied' | SetState;
  reason: string;
  message: string;
  awaitingSince?: number;
  /** When its turn came in this run, and when its verdict was there; milliseconds since the epoch. */
  startedAt?: number;
  endedAt?: number;
  readonly changes: Map<string, ChangeSetEntry>;
  readonly failures: ApplyFailure[];
  readonly withheld: WithheldPrune[];
  readonly orphans: ObjectId[];
  readonly health: Map<string, HealthResult>;
  /** When an awaited object was last seen, and whether it was done by then; by key. */
  readonly seen: Map<string, LastSeen>;
}

export interface LastSeen {
  readonly isCurrent: boolean;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** One run on one cluster: what was asked, what is known, what was done. */
export interface ApplyRun {
  readonly request: ApplyRequest;
  readonly ports: ApplyPorts;
  /** In the order in which Kustomizations may claim objects. */
  readonly sets: readonly DesiredSet[];
  readonly progress: ReadonlyMap<string, SetProgress>;
  readonly records: RecordBook;
  readonly unseenObjects: Map<string, UnseenObject>;
  /** What may be pruned and takes others with it, in the order found. */
  readonly pruneLast: PruneCandidate[];
  /** ApplySet ids of the Kustomizations of the request. */
  readonly setIds: ReadonlySet<string>;
  /** Uids of what this run applied. */
  readonly appliedUids: Set<string>;
  /** Uids of what this run deleted. */
  readonly pruned: Set<string>;
  cluster: ObservedCluster;
  /** What all Kustomizations desire in the cluster as it was observed. */
  desired?: DesiredInCluster;
  /** The cluster in which kinds that had been unknown were looked for last. */
  lookedForKinds?: ObservedCluster;
  claims: ReadonlyMap<string, string>;
  recordsChanged: boolean;
  ended: ApplyOutcome['ended'];
}

/** Asked before each request: a run past its deadline, or without the lease, starts nothing more. */
export function mayStart(run: ApplyRun): boolean {
  if (run.ended === 'deadline' || run.ended === 'lease-lost') return false;
  if (!run.ports.holdsLease()) {
    run.ended = 'lease-lost';
    return false;
  }
  if (run.ports.clock.now() >= run.request.deadline || run.ports.isOutOfTime?.() === true) {
    run.ended = 'deadline';
    return false;
  }
  return true;
}

/** The progress of a Kustomization of the request. */
export function progressOf(run: ApplyRun, id: NamespacedName): SetProgress {
  const progress = run.progress.get(formatNamespacedName(id));
  if (progress === undefined) throw new Error(`Kustomization ${formatNamespacedName(id)}: not part of the run`);
  return progress;
}
