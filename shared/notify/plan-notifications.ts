import type { RepositoryId } from '#shared/ports/change-host.ts';
import type { CommitStatus } from '#shared/ports/commit-statuses.ts';
import { isCluster, journalKey, type StatusRecord } from '#shared/records/journal-record.ts';
import type { JournalChange } from '#shared/records/stream-record.ts';
import { messageGroup } from '#shared/work/message-group.ts';
import type { QueueName, WorkMessage } from '#shared/work/work-message.ts';

import { commitStatus, type StatusStyle } from './commit-status.ts';
import { parseRepositoryId } from './repository-id.ts';

/** Who is told about one change of the journal. */
export type Notification =
  | {
      readonly kind: 'work';
      readonly sequenceNumber: string;
      readonly queue: QueueName;
      readonly group: string;
      readonly deduplicationId: string;
      readonly message: WorkMessage;
    }
  | {
      readonly kind: 'commit-status';
      readonly sequenceNumber: string;
      readonly repository: RepositoryId;
      readonly commit: string;
      readonly status: CommitStatus;
    };

/**
 * Decides who is told what about a run of changes. Requests come first, because nothing that is only said may hold up
 * what is to be done; of several statuses of one Kustomization on one commit only the last is said.
 */
export function planNotifications(changes: readonly JournalChange[], style: StatusStyle): readonly Notification[] {
  const work: Notification[] = [];
  const statuses = new Map<string, Notification>();
  for (const { sequenceNumber, before, after } of changes) {
    if (after?.type === 'Request') {
      const { queue, group, message } = after;
      const { partition, key } = journalKey(after);
      // Ids are a cluster's own, queues are shared: SQS drops the second of two messages with one id, whoever they are from.
      const ids = { group: messageGroup(group), deduplicationId: messageGroup(`${partition}/${key}`) };
      work.push({ kind: 'work', sequenceNumber, queue, message, ...ids });
    }
    if (after?.type !== 'Status') continue;
    const said = saying(after, style);
    if (said === undefined || isSame(said, before?.type === 'Status' ? saying(before, style) : undefined)) continue;
    const key = `${said.repository.owner}/${said.repository.name}@${said.commit} ${said.status.context}`;
    statuses.delete(key);
    statuses.set(key, { kind: 'commit-status', sequenceNumber, ...said });
  }
  return [...work, ...statuses.values()];
}

interface Saying {
  readonly repository: RepositoryId;
  readonly commit: string;
  readonly status: CommitStatus;
}

function saying(record: StatusRecord, style: StatusStyle): Saying | undefined {
  const { object } = record;
  if (record.report === undefined || (object.kind !== 'Kustomization' && !isCluster(object))) return undefined;
  const repository = parseRepositoryId(record.report.repository);
  const status = commitStatus(record, style);
  return repository === undefined || status === undefined
    ? undefined
    : { repository, commit: record.report.commit, status };
}

function isSame(left: Saying, right: Saying | undefined): boolean {
  return right !== undefined && JSON.stringify(left) === JSON.stringify(right);
}
