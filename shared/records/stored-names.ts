import { isRecord } from '#shared/common/is-record.ts';

/**
 * Fields that journals store under the name they had before "instruction" became "Flux object", by record type. Stored
 * names stay as they are: journals are read by the version before, too, while a deployment is under way or rolled back.
 */
const STORED_NAMES: Readonly<Record<string, { readonly field: string; readonly stored: string }>> = {
  Instructions: { field: 'fluxObjects', stored: 'instructions' },
  InstructionPage: { field: 'fluxObjects', stored: 'instructions' },
  Instruction: { field: 'fluxObject', stored: 'instruction' },
};

/** A record with its fields named as they are stored. */
export function withStoredNames(record: { readonly type: string }): unknown {
  return renameFields(record, (names) => [names.field, names.stored]);
}

/** What was stored, with its fields named as in the code. */
export function withCodeNames(stored: unknown): unknown {
  return renameFields(stored, (names) => [names.stored, names.field]);
}

function renameFields(
  record: unknown,
  direction: (names: { readonly field: string; readonly stored: string }) => readonly [string, string],
): unknown {
  if (!isRecord(record) || typeof record['type'] !== 'string' || !Object.hasOwn(STORED_NAMES, record['type'])) {
    return record;
  }
  const names = STORED_NAMES[record['type']];
  if (names === undefined) return record;
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
