import { isDeepStrictEqual } from 'node:util';
import { isMap, isScalar, parseDocument } from 'yaml';

import { defined } from '#shared/common/defined.ts';
import type { AppendedEntry } from '#shared/yaml-edit/append-entry.ts';
import { appendEntry } from '#shared/yaml-edit/append-entry.ts';
import { spellString } from '#shared/yaml-edit/splice-scalar.ts';

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
  const item = { name, path, ...scope, eks: { ...eks, ...defined({ profile }) } };
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

/** What EKS says of a cluster that is there already, and that may have changed. */
export type ClusterValues = Readonly<Partial<Record<'endpoint' | 'certificateAuthority', string>>> & {
  readonly vpc?: { readonly clusterSecurityGroup: string };
};

/**
 * Puts values of EKS in the place of those that stand below `eks` of a cluster in the text of `tidegate.yaml`. Every other
 * byte stays; where that cannot be done for certain, as with an alias, the text is left alone, with the reason.
 */
export function replaceClusterValues(text: string, index: number, values: ClusterValues): AppendedEntry {
  const { vpc, ...own } = values;
  const wanted = [
    ...Object.entries(own).map(([key, value]) => ({ path: ['clusters', index, 'eks', key], value })),
    ...Object.entries(vpc ?? {}).map(([key, value]) => ({ path: ['clusters', index, 'eks', 'vpc', key], value })),
  ];
  const before = parseDocument(text, { prettyErrors: false, uniqueKeys: false });
  const splices: { readonly start: number; readonly end: number; readonly text: string }[] = [];
  for (const { path, value } of wanted) {
    const node = before.getIn(path, true);
    const field = path.slice(2).join('.');
    if (!isScalar(node) || !node.range || node.anchor !== undefined) {
      return { fault: `does not write ${field} of the cluster as a text of its own` };
    }
    splices.push({ start: node.range[0], end: node.range[1], text: spellLike(node.type, value, text, node.range[1]) });
    before.setIn(path, value);
  }
  const after = splices
    .toSorted((one, other) => other.start - one.start)
    .reduce((result, { start, end, text: spelt }) => result.slice(0, start) + spelt + result.slice(end), text);
  const document = parseDocument(after, { prettyErrors: false, uniqueKeys: false });
  return document.errors.length === 0 && isDeepStrictEqual(document.toJS(), before.toJS())
    ? { text: after }
    : { fault: 'cannot be edited safely there' };
}

/** In the quotes of the one before; what was a block of lines becomes one line. */
function spellLike(type: string | undefined, value: string, text: string, end: number): string {
  if (type === 'QUOTE_SINGLE') return `'${value.replaceAll("'", "''")}'`;
  if (type === 'QUOTE_DOUBLE') return JSON.stringify(value);
  const isBlock = type === 'BLOCK_LITERAL' || type === 'BLOCK_FOLDED';
  return `${spellString(value)}${isBlock && text[end - 1] === '\n' ? '\n' : ''}`;
}
