import type { Problem } from '#shared/common/problem.ts';
import { resolveInsideRoot } from '#shared/common/resolve-inside-root.ts';
import type { SourceTree } from '#shared/common/source-tree.ts';
import { formatNamespacedName } from '#shared/flux/resource-key.ts';
import { formatImageReference, type ImageReference } from '#shared/images/image-reference.ts';

import { editFile, type WantedValue } from './edit-file.ts';
import { findPolicyMarkers, type LocatedMarker } from './find-policy-markers.ts';
import type { MarkedPart } from './policy-marker.ts';

/** One value that an edit changes. */
export interface ImageChange {
  /** `<namespace>/<name>` of the ImagePolicy. */
  readonly policy: string;
  readonly file: string;
  readonly line: number;
  readonly path: string;
  readonly part: MarkedPart;
  readonly from: string;
  readonly to: string;
}

export interface FileEdit {
  readonly file: string;
  readonly content: Uint8Array;
  readonly executable: boolean;
}

export interface EditPlan {
  readonly edits: readonly FileEdit[];
  readonly changes: readonly ImageChange[];
  readonly problems: readonly Problem[];
}

/** Every marker below a folder, file by file; a file that cannot be read costs itself only. */
export function findMarkersInTree(
  files: SourceTree,
  updatePath: string,
): { readonly markers: readonly LocatedMarker[]; readonly problems: readonly Problem[] } {
  const found = [...files.keys()]
    .filter((file) => isBelow(file, updatePath))
    .sort()
    .map((file) => findPolicyMarkers(file, files.get(file)?.bytes ?? new Uint8Array()));
  return {
    markers: found.flatMap(({ markers }) => markers),
    problems: found.flatMap(({ problems }) => problems),
  };
}

/** Whether a file lies below a path that an automation updates, or is it. */
export function isBelow(file: string, updatePath: string): boolean {
  const folder = resolveInsideRoot(updatePath);
  return folder === '' || file === folder || file.startsWith(`${folder}/`);
}

/** The text that a marked scalar holds for an image; undefined when the image has no such part. */
export function partOfImage(part: MarkedPart, image: ImageReference): string | undefined {
  switch (part) {
    case 'image':
      return formatImageReference(image);
    case 'name':
      return image.name;
    case 'tag':
      return image.tag;
    case 'digest':
      return image.digest;
  }
}

/** Turns wanted values into edited files; values that are there already make no edit. */
export function planEdits(files: SourceTree, wanted: readonly WantedValue[]): EditPlan {
  const byFile = Map.groupBy(
    wanted.filter(({ marker, to }) => marker.value !== to),
    ({ marker }) => marker.file,
  );
  const edits: FileEdit[] = [];
  const changes: ImageChange[] = [];
  const problems: Problem[] = [];
  for (const [file, values] of byFile) {
    const source = files.get(file);
    if (source === undefined) continue;
    const result = editFile(file, source.bytes, values);
    if ('problem' in result) {
      problems.push(result.problem);
      continue;
    }
    edits.push({ file, content: result.content, executable: source.executable });
    changes.push(...values.map(changeOf));
  }
  return { edits, changes, problems };
}

function changeOf({ marker, to }: WantedValue): ImageChange {
  const { file, line, path, part, value: from } = marker;
  return { policy: formatNamespacedName(marker.policy), file, line, path, part, from, to };
}
