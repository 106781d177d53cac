import type { Problem } from '#shared/common/problem.ts';
import { readScalars } from '#shared/yaml-edit/read-scalars.ts';
import { spliceScalar } from '#shared/yaml-edit/splice-scalar.ts';
import { decodeText, type EncodedText } from '#shared/yaml-edit/text-encoding.ts';

import { findPolicyMarkers, NOT_TEXT, type LocatedMarker } from './find-policy-markers.ts';

/** A scalar of a file and what it shall say. */
export interface WantedValue {
  readonly marker: LocatedMarker;
  readonly to: string;
}

/**
 * Writes the wanted values into one file. The result is handed out only if it
 * - is YAML still;
 * - differs in the wanted values and in no other, each of them read as a string;
 * - has every byte outside of them as it was;
 * - comes out the same when edited again.
 * Otherwise the file is left as it is, with a problem.
 */
export function editFile(
  file: string,
  bytes: Uint8Array,
  wanted: readonly WantedValue[],
): { readonly content: Uint8Array } | { readonly problem: Problem } {
  const decoded = decodeText(bytes);
  if (decoded === undefined) return { problem: { file, field: '', message: NOT_TEXT } };
  const edited = spliceAll(decoded.text, wanted);
  const fault = faultOf(file, decoded, edited, wanted);
  return fault === undefined
    ? { content: decoded.encode(edited) }
    : { problem: { file, field: '', message: `was left as it is, because the edit ${fault}` } };
}

function spliceAll(text: string, wanted: readonly WantedValue[]): string {
  // Last first, so that the offsets of the others stay true.
  const ordered = [...wanted].sort((a, b) => b.marker.scalar.start - a.marker.scalar.start);
  return ordered.reduce((result, { marker, to }) => spliceScalar(result, marker.scalar, to), text);
}

function faultOf(
  file: string,
  { text: before, encode }: EncodedText,
  after: string,
  wanted: readonly WantedValue[],
): string | undefined {
  const old = readScalars(before);
  const now = readScalars(after);
  if ('fault' in old) return `starts from a file that is not YAML: ${old.fault}`;
  if ('fault' in now) return `would make it invalid: ${now.fault}`;
  if (old.scalars.length !== now.scalars.length) return 'would add or remove values';
  const wantedByPath = new Map(wanted.map(({ marker, to }) => [marker.path, to]));
  let keptBefore = 0;
  let keptAfter = 0;
  for (const [index, was] of old.scalars.entries()) {
    const is = now.scalars[index];
    const to = wantedByPath.get(was.path);
    if (is === undefined || is.path !== was.path) return `would move ${was.path}`;
    if (to === undefined) {
      if (is.kind !== was.kind || is.value !== was.value) return `would change ${was.path}`;
    } else {
      if (is.resolved !== to) return `would not make ${was.path} the string "${to}"`;
      if (before.slice(keptBefore, was.start) !== after.slice(keptAfter, is.start)) return 'would change other bytes';
      keptBefore = was.end;
      keptAfter = is.end;
    }
  }
  if (before.slice(keptBefore) !== after.slice(keptAfter)) return 'would change other bytes';
  const again = findPolicyMarkers(file, encode(after)).markers.flatMap((marker) => {
    const to = wantedByPath.get(marker.path);
    return to === undefined ? [] : [{ marker, to }];
  });
  return spliceAll(after, again) === after && again.length === wanted.length ? undefined : 'would not be stable';
}
