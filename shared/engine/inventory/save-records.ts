import type { ApplyRun } from '../model/apply-run.ts';
import { formatRecords } from './apply-record.ts';

/** Keeps the records if this run changed them; they are a cache, so a run does not fail for them. */
export async function saveRecords(run: ApplyRun): Promise<void> {
  if (!run.recordsChanged) return;
  run.recordsChanged = false;
  try {
    const { cluster, clusterUid } = run.request;
    await run.ports.records.save(cluster, formatRecords(run.records, clusterUid));
  } catch {
    run.recordsChanged = true;
  }
}
