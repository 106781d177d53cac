import { defined } from '#shared/common/defined.ts';
import { hashValue } from '#shared/common/hash-value.ts';
import type { Kustomization } from '#shared/flux/kinds/kustomization.ts';
import { formatNamespacedName, type NamespacedName } from '#shared/flux/resource-key.ts';
import { MAX_RECORD_BYTES, recordBytes } from '#shared/journal/refuse-oversized-write.ts';
import type { DeclarationRecord, JournalRecord, LastRenderRecord, SourceHead } from '#shared/records/journal-record.ts';
import { journalKey, sourceHeadKey } from '#shared/records/journal-record.ts';
import { parseRevision } from '#shared/sources/revision.ts';

import type { DesiredState, KustomizationNode } from './desired-state.ts';
import { isWhollyKnown } from './is-wholly-known.ts';
import type { PreviousState } from './read-previous-state.ts';
import { redactValues } from './redact-values.ts';

/**
 * What is recorded for the time when what declares a Kustomization cannot be read: how it was declared, and where what
 * declares it was rendered. Only what Git says now, and only what is new.
 *
 * A declaration that holds a value of a Secret, or is larger than a record may be, is not kept: what it declares does not go
 * on then.
 */
export function rememberDeclarations(
  desired: DesiredState,
  previous: PreviousState,
  now: number,
): readonly JournalRecord[] {
  const { declarations = new Map(), lastRenders = new Map() } = previous.remembered ?? {};
  const fresh = desired.nodes.filter(isRead);
  const byName = new Map(desired.nodes.map((node) => [formatNamespacedName(node.kustomization), node]));
  const [root] = desired.nodes;
  const current: (DeclarationRecord | LastRenderRecord)[] = [];
  if (root !== undefined && isRead(root)) current.push(declare(desired.cluster, root.kustomization));
  for (const parent of fresh) {
    const { namespace, name } = parent.kustomization;
    const children = parent.children.flatMap((child) => byName.get(formatNamespacedName(child)) ?? []);
    current.push(
      ...children.map((child) => declare(desired.cluster, child.kustomization, { namespace, name })),
      ...(children.length === 0 ? [] : rememberRender(parent, desired)),
    );
  }
  const kept = current.map((record) => ({ record, key: journalKey(record).key }));
  const keys = new Set(kept.map(({ key }) => key));
  const before = new Map([...declarations.values(), ...lastRenders.values()].map((one) => [journalKey(one).key, one]));
  const forget = (key: string): JournalRecord => ({ type: 'Tombstone', partition: desired.cluster, key, at: now });
  const changed = kept
    .filter(({ record, key }) => hashValue(record) !== hashValue(before.get(key) ?? null))
    .flatMap(({ record, key }): readonly JournalRecord[] => {
      if (isFitToKeep(record, desired.secrets)) return [record];
      return before.has(key) ? [forget(key)] : [];
    });
  const read = new Set(fresh.map(({ kustomization }) => formatNamespacedName(kustomization)));
  const rootIsRead = root !== undefined && isRead(root);
  const isDecided = (record: DeclarationRecord | LastRenderRecord): boolean => {
    if (record.type === 'LastRender') return read.has(formatNamespacedName(record));
    return record.by === undefined ? rootIsRead : read.has(formatNamespacedName(record.by));
  };
  const gone = [...before].filter(
    // What was read says all that it declares; of what is no longer there that holds only when everything was read.
    ([key, record]) => !keys.has(key) && (isDecided(record) || isWhollyKnown(desired)),
  );
  return [...changed, ...gone.map(([key]) => forget(key))];
}

/** Whether it is as Git says it now: rendered, and from nothing that was known last. */
function isRead({ render, lastRender }: KustomizationNode): boolean {
  return render.kind === 'rendered' && lastRender === undefined;
}

function declare(cluster: string, kustomization: Kustomization, by?: NamespacedName): DeclarationRecord {
  return { type: 'Declaration', cluster, kustomization, ...defined({ by }) };
}

/** Every source of one address and branch holds the same commits: what is declared in one belongs to what is in the other. */
function rememberRender(
  { kustomization }: KustomizationNode,
  { cluster, heads = [] }: DesiredState,
): readonly LastRenderRecord[] {
  const key = sourceHeadKey(kustomization.sourceRef);
  const own = heads.find((head) => sourceHeadKey(head.source) === key);
  if (own === undefined) return [];
  const { namespace, name } = kustomization;
  const branch = parseRevision(own.revision)?.name;
  const same = heads.filter(({ url, revision }) => url === own.url && parseRevision(revision)?.name === branch);
  same.sort(bySource);
  return [{ type: 'LastRender', cluster, namespace, name, heads: same }];
}

function bySource(one: SourceHead, other: SourceHead): number {
  return sourceHeadKey(one.source) < sourceHeadKey(other.source) ? -1 : 1;
}

function isFitToKeep(record: DeclarationRecord | LastRenderRecord, secrets: readonly string[]): boolean {
  const text = JSON.stringify(record);
  return redactValues(text, secrets) === text && recordBytes(record) <= MAX_RECORD_BYTES;
}
