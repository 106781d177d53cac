import type { ApiResource, Discovery } from '#shared/ports/kubernetes-api.ts';

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
  return discovery.resources.find(
    (resource) =>
      resource.kind === kind.kind &&
      resource.group === kind.group &&
      (version === undefined || resource.version === version),
  );
}
