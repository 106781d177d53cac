import { z } from 'zod';

import type { ObjectId } from '#shared/kubernetes/kubernetes-object.ts';

const VERSION = 1;

const ObjectRecord = z.object({
  uid: z.string(),
  /** Digest of our managedFields entry as the server returned it. */
  entry: z.string(),
  /** Hash of the desired object; of a Secret it is kept beside the Secret only, in its annotation. */
  applied: z.string().optional(),
  epoch: z.string(),
  /** `<namespace>/<name>` of the Kustomization. */
  set: z.string(),
  /** Revision that brought the object into this shape. */
  revision: z.string(),
});

/** What the last apply of one object left behind. */
export type ObjectRecord = Readonly<z.infer<typeof ObjectRecord>>;

/** By object key. */
export type RecordBook = Map<string, ObjectRecord>;

const Blob = z.object({
  version: z.literal(VERSION),
  /** The cluster in which all of them lie; absent in what an older version wrote, or where nobody may look. */
  cluster: z.string().optional(),
  objects: z.record(z.string(), ObjectRecord),
});

/**
 * Reads the records; what cannot be read is as none, and costs one full apply. So is what was recorded of another cluster
 * that had the name before this one: nobody removed from here what was applied there.
 */
export function parseRecords(bytes: Uint8Array | undefined, clusterUid?: string): RecordBook {
  if (bytes === undefined) return new Map();
  try {
    const { cluster = clusterUid, objects } = Blob.parse(JSON.parse(new TextDecoder().decode(bytes)));
    return new Map(clusterUid === undefined || cluster === clusterUid ? Object.entries(objects) : []);
  } catch {
    return new Map();
  }
}

/** The bytes to keep. */
export function formatRecords(records: RecordBook, clusterUid?: string): Uint8Array {
  const cluster = clusterUid === undefined ? {} : { cluster: clusterUid };
  return new TextEncoder().encode(
    JSON.stringify({ version: VERSION, ...cluster, objects: Object.fromEntries(records) }),
  );
}

/** The identity in an object key. */
export function parseObjectKey(key: string): ObjectId {
  const [namespace = '', group = '', kind = '', ...name] = key.split('_');
  return { namespace, group, kind, name: name.join('_') };
}
