import { defined } from '#shared/common/defined.ts';
import { formatNamespacedName } from '#shared/flux/resource-key.ts';

import { parseRecords } from '../inventory/apply-record.ts';
import { applySetId, nameApplySet } from '../inventory/apply-set-id.ts';
import { observeCluster } from '../observe/observe-cluster.ts';
import type { ApplyPorts, ApplyRequest, DesiredSet } from './apply-request.ts';
import type { ApplyRun, SetProgress } from './apply-run.ts';
import { claimObjects } from './desired-object.ts';
import { orderSets } from './order-sets.ts';

/** Observes the cluster and lays out what there is to do. */
export async function beginRun(request: ApplyRequest, ports: ApplyPorts): Promise<ApplyRun> {
  const { name } = request.installation;
  const sets = orderSets(request.sets.map((set) => ({ ...set, id: nameApplySet(set.id, name) })));
  const [records, cluster] = await Promise.all([
    ports.records.load(request.cluster).then((bytes) => parseRecords(bytes, request.clusterUid)),
    observeCluster(ports.api, { ...request, sets, now: ports.clock.now() }),
  ]);
  return {
    request,
    ports,
    sets,
    progress: new Map(sets.map((set) => [formatNamespacedName(set.id), beginSet(set)])),
    records,
    unseenObjects: new Map(),
    pruneLast: [],
    setIds: new Set(sets.map(({ id }) => applySetId(id))),
    appliedUids: new Set(),
    pruned: new Set(),
    cluster,
    claims: claimObjects(sets, cluster.discovery),
    recordsChanged: false,
    ended: 'done',
  };
}

function beginSet(set: DesiredSet): SetProgress {
  return {
    set,
    ...beginPhase(set),
    ...defined({ awaitingSince: set.awaitingSince }),
    changes: new Map(),
    failures: [],
    withheld: [],
    orphans: [],
    health: new Map(),
    seen: new Map(),
  };
}

function beginPhase({ render }: DesiredSet): Pick<SetProgress, 'phase' | 'reason' | 'message'> {
  switch (render.kind) {
    case 'rendered':
      return { phase: 'pending', reason: 'Progressing', message: '' };
    case 'failed':
      return { phase: 'failed', reason: render.reason, message: render.message };
    case 'unchanged':
      return { phase: 'unchanged', reason: '', message: '' };
    case 'suspended':
      return { phase: 'suspended', reason: 'Suspended', message: 'reconciliation is suspended' };
  }
}
