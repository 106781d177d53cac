/** Where a field stands in what a person wrote. */
export interface FieldPlace {
  readonly file: string;
  /** 1-based; absent when the object, or the field of it, is not written in a file but generated or patched. */
  readonly line?: number;
  readonly column?: number;
}

export type FieldPath = readonly (string | number)[];

/** Finds the place of one object's fields; `expect` tells a field that is there from one that is missing. */
export type FieldLocator = (field: FieldPath, expect: 'present' | 'missing') => FieldPlace;

/** `spec.patches[1].target`. */
export function formatFieldPath(path: FieldPath): string {
  let text = '';
  for (const part of path) {
    text += typeof part === 'number' ? `[${part}]` : text === '' ? part : `.${part}`;
  }
  return text;
}
