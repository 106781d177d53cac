import { isRecord } from '#shared/common/is-record.ts';

/**
 * Fields that journals store under the name they had before "instruction" became "Flux object", by record type. Stored
 * names stay as they are: journals are read by the version before, too, while a deployment is under way or rolled back.
 */
const STORED_NAMES: ReadonlyMap<unknown, StoredName> = new Map([
  ['Instructions', { field: 'fluxObjects', stored: 'instructions' }],
  ['InstructionPage', { field: 'fluxObjects', stored: 'instructions' }],
  ['Instruction', { field: 'fluxObject', stored: 'instruction' }],
]);

interface StoredName {
  readonly field: string;
  readonly stored: string;
}

/** A record with its fields named as they are stored. */
export function withStoredNames(record: { readonly type: string }): unknown {
  return renameFields(record, (names) => [names.field, names.stored]);
}

/** What was stored, with its fields named as in the code. */
export function withCodeNames(stored: unknown): unknown {
  return renameFields(stored, (names) => [names.stored, names.field]);
}

function renameFields(record: unknown, direction: (names: StoredName) => readonly [string, string]): unknown {
  const names = isRecord(record) ? STORED_NAMES.get(record['type']) : undefined;
  if (!isRecord(record) || names === undefined) return record;
  const [from, to] = direction(names);
  const { followed } = record;
  return isRecord(followed) ? { ...record, followed: rename(followed, from, to) } : rename(record, from, to);
}

/** The field keeps its place, so that the stored text does too. */
function rename(
  record: Readonly<Record<string, unknown>>,
  from: string,
  to: string,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key === from ? to : key, value]));
}
