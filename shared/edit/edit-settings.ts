import { isMap, isScalar, parseDocument } from 'yaml';

import { appendEntry } from './append-entry.ts';
import type { AppendedEntry } from './append-entry.ts';

/** An EKS cluster as it is written into `tidegate.yaml`. */
export interface NewCluster {
  readonly name: string;
  readonly path: string;
  readonly namespaces?: readonly string[];
  readonly eks: {
    readonly name: string;
    readonly region: string;
    readonly endpoint: string;
    readonly certificateAuthority: string;
    readonly profile?: 'platform' | 'workload';
  };
}

/** Adds a cluster to the text of `tidegate.yaml`, and changes nothing else in it. */
export function addCluster(text: string, { eks: { profile, ...eks }, ...cluster }: NewCluster): AppendedEntry {
  const { name, path, namespaces } = cluster;
  const scope = namespaces === undefined ? {} : { namespaces };
  const item = { name, path, ...scope, eks: { ...eks, ...(profile === undefined ? {} : { profile }) } };
  return appendEntry(text, { in: 'clusters', item });
}

/** Puts the id of another GitHub App in the place of the one in the text of `tidegate.yaml`; without one, nothing. */
export function replaceAppId(text: string, appId: number): string {
  const github = parseDocument(text, { prettyErrors: false, uniqueKeys: false }).get('github', true);
  const known = isMap(github) ? github.get('appId', true) : undefined;
  if (!isScalar(known) || !known.range || known.source === '') return text;
  const [start, end] = known.range;
  return `${text.slice(0, start)}${appId}${text.slice(end)}`;
}
