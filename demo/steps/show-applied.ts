import { parseObjectKey, parseRecords } from '#shared/engine/inventory/apply-record.ts';
import { formatObjectId } from '#shared/kubernetes/kubernetes-object.ts';

import { insist, type ShownLine, type StepContext } from '../step-context.ts';

/** 8: what was applied, and the commit each thing came from. */
export async function showApplied({ environment, show }: StepContext) {
  const records = parseRecords(await environment.records.load(environment.clusterName));
  const applied = [...records]
    .map(([key, { set, revision }]) => ({ object: formatObjectId(parseObjectKey(key)), kustomization: set, revision }))
    .sort((a, b) => a.kustomization.localeCompare(b.kustomization) || a.object.localeCompare(b.object));
  insist(applied.length > 0, 'nothing is on record as applied');
  show(table(applied));
  return { applied };
}

function table(rows: readonly { object: string; kustomization: string; revision: string }[]): readonly ShownLine[] {
  const objectWidth = Math.max(...rows.map(({ object }) => object.length));
  const setWidth = Math.max(...rows.map(({ kustomization }) => kustomization.length));
  return rows.map(({ object, kustomization, revision }) => ({
    text: `${object.padEnd(objectWidth)}  ${kustomization.padEnd(setWidth)}  ${shorten(revision)}`,
    tone: 'quiet',
  }));
}

function shorten(revision: string): string {
  return revision.replace(/(sha1:[0-9a-f]{7})[0-9a-f]+/u, '$1');
}
