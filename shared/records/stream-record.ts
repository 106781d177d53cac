import { defined } from '#shared/common/defined.ts';

import type { JournalRecord } from './journal-record.ts';
import { journalKey } from './journal-record.ts';
import { formatJournalRecord, parseJournalRecord } from './parse-journal-record.ts';
import { recordExpiry } from './record-expiry.ts';

/** One attribute of a stored item, as DynamoDB writes it in JSON. */
export type ItemAttribute = { readonly S: string } | { readonly N: string };

/** The journal's table: `pk`, `sk`, `type`, `body` (the record as JSON) and, for what is forgotten, `expiresAt` in seconds. */
export type JournalItem = Readonly<Record<string, ItemAttribute>>;

/** One change of the journal, in the order in which it was written. */
export interface JournalChange {
  /** Digits; a later change has a greater number. */
  readonly sequenceNumber: string;
  readonly before?: JournalRecord;
  /** Absent when the record was forgotten. */
  readonly after?: JournalRecord;
}

/** A record of the journal's stream in the shape that DynamoDB gives to Lambda. */
export interface JournalStreamRecord {
  readonly eventID: string;
  readonly eventName: 'INSERT' | 'MODIFY' | 'REMOVE';
  readonly eventVersion: '1.1';
  readonly eventSource: 'aws:dynamodb';
  readonly awsRegion: string;
  readonly eventSourceARN: string;
  readonly dynamodb: {
    readonly ApproximateCreationDateTime: number;
    readonly Keys: { readonly pk: ItemAttribute; readonly sk: ItemAttribute };
    readonly OldImage?: JournalItem;
    readonly NewImage?: JournalItem;
    readonly SequenceNumber: string;
    readonly SizeBytes: number;
    readonly StreamViewType: 'NEW_AND_OLD_IMAGES';
  };
}

/** The item that stores a record. */
export function toJournalItem(record: JournalRecord): JournalItem {
  const { partition, key } = journalKey(record);
  const expiry = recordExpiry(record);
  return {
    pk: { S: partition },
    sk: { S: key },
    type: { S: record.type },
    body: { S: formatJournalRecord(record) },
    ...(expiry === undefined ? {} : { expiresAt: { N: `${Math.ceil(expiry / 1000)}` } }),
  };
}

/** Writes a change as the stream of a table would carry it. */
export function toStreamRecord(change: JournalChange & { readonly at: number }): JournalStreamRecord | undefined {
  const { before, after, sequenceNumber } = change;
  const record = after ?? before;
  if (record === undefined) return undefined;
  const { partition, key } = journalKey(record);
  const images = {
    ...(before === undefined ? {} : { OldImage: toJournalItem(before) }),
    ...(after === undefined ? {} : { NewImage: toJournalItem(after) }),
  };
  return {
    eventID: sequenceNumber,
    eventName: after === undefined ? 'REMOVE' : before === undefined ? 'INSERT' : 'MODIFY',
    eventVersion: '1.1',
    eventSource: 'aws:dynamodb',
    awsRegion: 'local',
    eventSourceARN: 'arn:aws:dynamodb:local:000000000000:table/tidegate-journal/stream/local',
    dynamodb: {
      ApproximateCreationDateTime: Math.floor(change.at / 1000),
      Keys: { pk: { S: partition }, sk: { S: key } },
      ...images,
      SequenceNumber: sequenceNumber,
      SizeBytes: JSON.stringify(images).length,
      StreamViewType: 'NEW_AND_OLD_IMAGES',
    },
  };
}

/** What a stream hands over, as far as it is read here. */
export interface IncomingStreamRecord {
  readonly dynamodb?:
    | {
        readonly OldImage?: Readonly<Record<string, unknown>> | undefined;
        readonly NewImage?: Readonly<Record<string, unknown>> | undefined;
        readonly SequenceNumber?: string | undefined;
      }
    | undefined;
}

/** Reads a change from the stream; an image that is no record of ours is left out. */
export function fromStreamRecord(record: IncomingStreamRecord): JournalChange | undefined {
  const { OldImage, NewImage, SequenceNumber } = record.dynamodb ?? {};
  if (SequenceNumber === undefined) return undefined;
  const before = readImage(OldImage);
  const after = readImage(NewImage);
  return {
    sequenceNumber: SequenceNumber,
    ...defined({ before, after }),
  };
}

function readImage(image: Readonly<Record<string, unknown>> | undefined): JournalRecord | undefined {
  const body = image?.['body'];
  if (typeof body !== 'object' || body === null || !('S' in body) || typeof body.S !== 'string') return undefined;
  return parseJournalRecord(body.S);
}
