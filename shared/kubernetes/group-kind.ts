import type { ApiResource, Discovery } from './discovery.ts';

/** A kind across its versions. */
export interface GroupKind {
  readonly group: string;
  readonly kind: string;
}

/** `Deployment.apps`; the core group adds nothing. */
export function formatGroupKind({ group, kind }: GroupKind): string {
  return group === '' ? kind : `${kind}.${group}`;
}

/** Reads `Deployment.apps`. */
export function parseGroupKind(text: string): GroupKind {
  const dot = text.indexOf('.');
  return dot < 0 ? { group: '', kind: text } : { group: text.slice(dot + 1), kind: text.slice(0, dot) };
}

/** How the server serves a kind: in the version asked for, or in the one it prefers. */
export function findResource(discovery: Discovery, kind: GroupKind, version?: string): ApiResource | undefined {
  const served = indexOf(discovery).get(formatGroupKind(kind)) ?? [];
  return version === undefined ? served[0] : served.find((resource) => resource.version === version);
}

const indexes = new WeakMap<Discovery, ReadonlyMap<string, readonly ApiResource[]>>();

/** Made once for each discovery: it is asked for every object. */
function indexOf(discovery: Discovery): ReadonlyMap<string, readonly ApiResource[]> {
  const known = indexes.get(discovery) ?? Map.groupBy(discovery.resources, formatGroupKind);
  indexes.set(discovery, known);
  return known;
}
