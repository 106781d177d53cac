import type { MarkedPart } from './policy-marker.ts';

/** Where a marked value stands. */
export interface Place {
  readonly file: string;
  /** Of the scalar in the file: `spec.containers[0].image`. */
  readonly path: string;
  readonly part: MarkedPart;
}

/** Equal for equal places. */
export function placeKey({ file, path, part }: Place): string {
  return JSON.stringify([file, path, part]);
}

/** Equal for places that one policy is written to. */
export function policyPlaceKey({ policy, ...place }: Place & { readonly policy: string }): string {
  return JSON.stringify([place.file, place.path, place.part, policy]);
}

/** Equal for the places that hold parts of one image: what follows the tag beside it. */
export function imageKey({ file, path }: Pick<Place, 'file' | 'path'>): string {
  return JSON.stringify([file, path.slice(0, Math.max(path.lastIndexOf('.'), path.lastIndexOf('['), 0))]);
}
