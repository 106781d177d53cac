import type { LiveMetadata, ManagedFieldsEntry } from './live-object.ts';
import { APPLYSET_PART_OF_LABEL, FIELD_MANAGER } from './names.ts';

/** Our Apply entry in an object's managedFields. */
export function ownEntry(live: LiveMetadata): ManagedFieldsEntry | undefined {
  return live.managedFields?.find(
    (entry) => entry.manager === FIELD_MANAGER && entry.operation === 'Apply' && entry.subresource === undefined,
  );
}

/** Whether our own apply wrote the ApplySet label; a copied label never has this. */
export function ownsPartOfLabel(live: LiveMetadata): boolean {
  return ownsMark(live, 'labels', APPLYSET_PART_OF_LABEL);
}

/** Whether our own apply wrote a label or an annotation: what a person put there is another manager's. */
export function ownsMark(live: LiveMetadata, where: 'labels' | 'annotations', name: string): boolean {
  return fieldAt(ownEntry(live)?.fieldsV1, ['f:metadata', `f:${where}`, `f:${name}`]) !== undefined;
}

function fieldAt(value: unknown, path: readonly string[]): unknown {
  let current = value;
  for (const key of path) {
    if (typeof current !== 'object' || current === null) return undefined;
    current = (current as Readonly<Record<string, unknown>>)[key];
  }
  return current;
}
