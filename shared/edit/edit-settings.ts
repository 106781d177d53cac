import { isMap, isScalar, parseDocument } from 'yaml';

import { appendEntry } from './append-entry.ts';
import type { AppendedEntry } from './append-entry.ts';

/** An EKS cluster as it is written into `tidegate.yaml`. */
export interface NewCluster {
  readonly name: string;
  readonly path: string;
  readonly eks: {
    readonly name: string;
    readonly region: string;
    readonly endpoint: string;
    readonly certificateAuthority: string;
    readonly profile?: 'platform' | 'workload';
  };
}

/** Adds a cluster to the text of `tidegate.yaml`, and changes nothing else in it. */
export function addCluster(text: string, { name, path, eks: { profile, ...eks } }: NewCluster): AppendedEntry {
  const item = { name, path, eks: { ...eks, ...(profile === undefined ? {} : { profile }) } };
  return appendEntry(text, { in: 'clusters', item });
}

/** Writes the id of the GitHub App into the text of `tidegate.yaml`, in the place of the one that is there. */
export function writeAppId(text: string, appId: number): AppendedEntry {
  const document = parseDocument(text, { prettyErrors: false });
  const github = document.get('github', true);
  const known = isMap(github) ? github.get('appId', true) : undefined;
  if (document.errors.length > 0 || !isScalar(known) || !known.range || known.source === '') {
    return appendEntry(text, { in: 'github', key: 'appId', value: appId });
  }
  const [start, end] = known.range;
  return { text: `${text.slice(0, start)}${appId}${text.slice(end)}` };
}
