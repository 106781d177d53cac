import type { Instructions } from '#shared/api/instructions.ts';
import type { SourceHead, StatusRecord } from '#shared/journal/journal-record.ts';
import { INSTRUCTIONS_KEY, SOURCE_HEADS_PREFIX } from '#shared/journal/journal-record.ts';
import type { Journal } from '#shared/ports/journal.ts';

/** What the last runs recorded of a cluster. */
export interface PreviousState {
  readonly instructions: Instructions | undefined;
  /** By `<kind>/<namespace>/<name>`. */
  readonly statuses: ReadonlyMap<string, StatusRecord>;
}

/** Reads it from the journal. Losing it costs repeated events, nothing else. */
export async function readPreviousState(cluster: string, journal: Journal): Promise<PreviousState> {
  const [instructions, statuses] = await Promise.all([
    journal.read(cluster, INSTRUCTIONS_KEY),
    journal.list(cluster, 'status/'),
  ]);
  return {
    instructions: instructions?.type === 'Instructions' ? instructions.instructions : undefined,
    statuses: new Map(
      statuses.flatMap((record) =>
        record.type === 'Status'
          ? [[`${record.object.kind}/${record.object.namespace}/${record.object.name}`, record]]
          : [],
      ),
    ),
  };
}

/** Where the sources of a cluster stand. */
export async function readSourceHeads(cluster: string, journal: Journal): Promise<readonly SourceHead[]> {
  const records = await journal.list(cluster, SOURCE_HEADS_PREFIX);
  return records.filter((record) => record.type === 'SourceHead');
}
