import { z } from 'zod';

/** The part of Lambda's event filtering that is played: nested fields, and at the end of each the values that pass. */
export type StreamFilter = { readonly [field: string]: StreamFilter | readonly string[] };

export const StreamFilter: z.ZodType<StreamFilter> = z.record(
  z.string(),
  z.lazy(() => z.union([z.array(z.string()).min(1), StreamFilter])),
);

/** Whether a record reaches the function: where there are several filters, one that lets it pass is enough. */
export function passesFilters(record: unknown, filters: readonly StreamFilter[]): boolean {
  return filters.length === 0 || filters.some((filter) => passes(record, filter));
}

function passes(value: unknown, filter: StreamFilter): boolean {
  return Object.entries(filter).every(([field, wanted]) => {
    const found: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, field) : undefined;
    return isValues(wanted) ? typeof found === 'string' && wanted.includes(found) : passes(found, wanted);
  });
}

function isValues(wanted: StreamFilter | readonly string[]): wanted is readonly string[] {
  return Array.isArray(wanted);
}
