import { formatRecords } from './apply-record.ts';
import type { ApplyRun } from './apply-run.ts';

/** Keeps the records if this run changed them; they are a cache, so a run does not fail for them. */
export async function saveRecords(run: ApplyRun): Promise<void> {
  if (!run.recordsChanged) {
    return;
  }
  run.recordsChanged = false;
  try {
    await run.ports.records.save(run.request.cluster, formatRecords(run.records));
  } catch {
    run.recordsChanged = true;
  }
}
