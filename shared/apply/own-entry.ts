import { APPLYSET_PART_OF_LABEL, FIELD_MANAGER } from '#shared/api/names.ts';
import type { LiveMetadata, ManagedFieldsEntry } from '#shared/ports/kubernetes-api.ts';

/** Our Apply entry in an object's managedFields. */
export function ownEntry(live: LiveMetadata): ManagedFieldsEntry | undefined {
  return live.managedFields?.find(
    (entry) => entry.manager === FIELD_MANAGER && entry.operation === 'Apply' && entry.subresource === undefined,
  );
}

/** Whether our own apply wrote the ApplySet label; a copied label never has this. */
export function ownsPartOfLabel(live: LiveMetadata): boolean {
  const fields = ownEntry(live)?.fieldsV1;
  return fieldAt(fields, ['f:metadata', 'f:labels', `f:${APPLYSET_PART_OF_LABEL}`]) !== undefined;
}

function fieldAt(value: unknown, path: readonly string[]): unknown {
  let current = value;
  for (const key of path) {
    if (typeof current !== 'object' || current === null) {
      return undefined;
    }
    current = (current as Readonly<Record<string, unknown>>)[key];
  }
  return current;
}
