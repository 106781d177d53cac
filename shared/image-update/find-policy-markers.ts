import { defined } from '#shared/common/defined.ts';
import type { Problem } from '#shared/common/problem.ts';
import { readScalars, type ScalarToken, type YamlText } from '#shared/yaml-edit/read-scalars.ts';
import { decodeText, holdsText } from '#shared/yaml-edit/text-encoding.ts';

import { MARKER_LITERAL, parseMarkerComment, type PolicyMarker } from './policy-marker.ts';

/** A marker together with the characters that it hands over. */
export interface LocatedMarker extends PolicyMarker {
  readonly scalar: ScalarToken;
}

export interface FoundMarkers {
  readonly markers: readonly LocatedMarker[];
  readonly problems: readonly Problem[];
}

const MAX_FILE_BYTES = 8 * 1024 * 1024;
/** Said of a file whose characters nobody can tell. */
export const NOT_TEXT = 'is neither UTF-8 nor UTF-16 with a byte order mark; save it as UTF-8';
const NOTHING: FoundMarkers = { markers: [], problems: [] };

/** Whether a file of this name may hold markers: the names that Flux reads. */
export function mayHoldMarkers(file: string): boolean {
  const name = file.slice(file.lastIndexOf('/') + 1);
  return name.endsWith('.yaml') || name.endsWith('.yml') || name === 'Kustomization';
}

/** Finds the marked scalars of one file. A file that does not contain the marker is never parsed, so its faults are nobody's concern. */
export function findPolicyMarkers(file: string, bytes: Uint8Array): FoundMarkers {
  if (!mayHoldMarkers(file) || !holdsText(bytes, MARKER_LITERAL)) return NOTHING;
  if (bytes.byteLength > MAX_FILE_BYTES) {
    return refuse(
      file,
      `is ${bytes.byteLength} bytes long; files with image policy markers may have ${MAX_FILE_BYTES}`,
    );
  }
  const text = decodeText(bytes)?.text;
  // UTF-16 without its mark decodes as UTF-8 with a NUL in each character.
  if (text === undefined || text.includes('\0')) return refuse(file, NOT_TEXT);
  const yaml = readScalars(text);
  if ('fault' in yaml) {
    const template = text.includes('{{') ? '; it looks like a Helm template, put the marker in the values file' : '';
    return refuse(file, `cannot be edited as YAML: ${yaml.fault}${template}`, yaml.line);
  }
  if (yaml.encrypted) {
    return refuse(file, 'is encrypted by SOPS, an edit would break its MAC; move the image to a file of its own');
  }
  return locateMarkers(file, text, yaml);
}

function locateMarkers(file: string, text: string, yaml: YamlText): FoundMarkers {
  const markers: LocatedMarker[] = [];
  const problems: Problem[] = [];
  const byEnd = [...yaml.scalars].sort((a, b) => a.end - b.end);
  let next = 0;
  for (const comment of yaml.comments) {
    while ((byEnd[next]?.end ?? Number.POSITIVE_INFINITY) <= comment.start) next += 1;
    const setter = parseMarkerComment(comment.text);
    if (setter === undefined) continue;
    const line = yaml.lineOf(comment.start);
    const scalar = byEnd[next - 1];
    const fault = 'fault' in setter ? setter.fault : faultOf(scalar, text, comment.start);
    if (fault !== undefined || scalar === undefined || 'fault' in setter) {
      problems.push({ file, line, field: scalar?.path ?? '', message: fault ?? 'marker has no value in front of it' });
      continue;
    }
    markers.push({ file, line, path: scalar.path, value: scalar.value, scalar, ...setter });
  }
  return { markers, problems };
}

function faultOf(scalar: ScalarToken | undefined, text: string, comment: number): string | undefined {
  if (
    scalar === undefined ||
    scalar.start === scalar.end ||
    !/^[ \t]*,?[ \t]+$/u.test(text.slice(scalar.end, comment))
  ) {
    return 'marker has no value directly in front of it on its line; write it behind the scalar that it sets';
  }
  if (scalar.kind === 'alias') {
    return `value is the alias ${scalar.value}, an edit would change every place that uses it; put the marker behind the anchor`;
  }
  if (scalar.kind === 'block' || text.slice(scalar.start, scalar.end).includes('\n')) {
    return 'value spans several lines; write it on one';
  }
  if (scalar.value.includes('{{')) return 'value is a template expression; put the marker in the file of values';
  return undefined;
}

function refuse(file: string, message: string, line?: number): FoundMarkers {
  return { markers: [], problems: [{ file, field: '', message, ...defined({ line }) }] };
}
