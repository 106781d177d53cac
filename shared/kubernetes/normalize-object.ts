import { isRecord } from '#shared/common/is-record.ts';

import type { KubernetesObject } from './kubernetes-object.ts';

const SET_BY_THE_SERVER = new Set([
  'creationTimestamp',
  'deletionTimestamp',
  'generation',
  'managedFields',
  'resourceVersion',
  'selfLink',
  'uid',
]);

/** Brings a rendered object into the form the server keeps, so that equal wishes have equal hashes. */
export function normalizeObject(object: KubernetesObject, namespaced: boolean): KubernetesObject {
  const { status: _status, metadata, ...body } = object;
  const kept = Object.fromEntries(Object.entries(metadata).filter(([field]) => !SET_BY_THE_SERVER.has(field)));
  if (!namespaced) {
    delete kept['namespace'];
  }
  const normalized: KubernetesObject = {
    ...body,
    apiVersion: object.apiVersion,
    kind: object.kind,
    metadata: { ...kept, name: metadata.name },
  };
  return withoutAggregatedRules(withEncodedStrings(normalized));
}

// stringData is write-only: left as it is, the server owns `data` and we would own nothing.
function withEncodedStrings(object: KubernetesObject): KubernetesObject {
  const { stringData, ...rest } = object;
  if (object.kind !== 'Secret' || object.apiVersion !== 'v1' || !isRecord(stringData)) return object;
  const encoded = Object.entries(stringData).map(([key, value]) => [key, encode(value)]);
  return { ...rest, data: { ...(isRecord(object['data']) ? object['data'] : {}), ...Object.fromEntries(encoded) } };
}

/** The server takes null for the empty text; all else that is no text is refused before (`describeMistyped`). */
function encode(value: unknown): unknown {
  const text = value ?? '';
  return typeof text === 'string' ? Buffer.from(text, 'utf8').toString('base64') : text;
}

// A controller fills the rules of an aggregated ClusterRole; owning them means fighting it.
function withoutAggregatedRules(object: KubernetesObject): KubernetesObject {
  if (object.kind !== 'ClusterRole' || !isRecord(object['aggregationRule'])) return object;
  const { rules: _rules, ...rest } = object;
  return rest;
}
