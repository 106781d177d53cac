import { z } from 'zod';

import { defined } from '#shared/common/defined.ts';

import { SettingsFile } from './settings-schema.ts';

/** One key of `tidegate.yaml`, as its schema has it. */
export interface SettingDescription {
  /** `clusters[].eks.region`. */
  readonly key: string;
  /** What it is for: Markdown of one paragraph. */
  readonly purpose: string;
  /** What may stand there: Markdown within a line. */
  readonly allowed: string;
  /** Whether it has to be there, where its parent is. */
  readonly isRequired: boolean;
  /** What holds when it is left out, as JSON. */
  readonly fallback?: string;
}

/** Every key of `tidegate.yaml`, in the order of the schema, parents first. */
export function describeSettings(): readonly SettingDescription[] {
  return describeKeys(SettingsFile, '');
}

function describeKeys(schema: z.core.$ZodType, prefix: string): readonly SettingDescription[] {
  if (schema instanceof z.ZodArray) return describeKeys(look(schema.element).inner, `${prefix}[]`);
  if (!(schema instanceof z.ZodObject)) return [];
  return Object.entries<z.core.$ZodType>(schema.shape).flatMap(([name, value]) => {
    const key = prefix === '' ? name : `${prefix}.${name}`;
    const { inner, meta, isRequired, fallback } = look(value);
    const { description = '' } = meta;
    const described = {
      key,
      purpose: description,
      allowed: describeAllowed(inner, meta),
      isRequired,
      ...defined({ fallback }),
    };
    return [described, ...describeKeys(inner, key)];
  });
}

interface Look {
  /** Without what only says whether it may be left out. */
  readonly inner: z.core.$ZodType;
  /** What the schema and those inside it say about themselves, the outermost first. */
  readonly meta: Readonly<Record<string, unknown>> & { readonly description?: string | undefined };
  readonly isRequired: boolean;
  readonly fallback?: string;
}

function look(schema: z.core.$ZodType): Look {
  const own = z.globalRegistry.get(schema) ?? {};
  const isOptional = schema instanceof z.ZodOptional;
  const hasDefault = schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault;
  if (!isOptional && !hasDefault) {
    const { fallback } = own;
    return { inner: schema, meta: own, isRequired: true, ...(typeof fallback === 'string' ? { fallback } : {}) };
  }
  const { inner, meta, fallback: inside } = look(schema.unwrap());
  const fallback = schema instanceof z.ZodDefault ? JSON.stringify(schema.def.defaultValue) : inside;
  const said = typeof own['fallback'] === 'string' ? own['fallback'] : fallback;
  return { inner, meta: { ...meta, ...own }, isRequired: false, ...defined({ fallback: said }) };
}

function describeAllowed(schema: z.core.$ZodType, meta: Look['meta']): string {
  const { allowed } = meta;
  if (typeof allowed === 'string') return escapeMarkdown(allowed);
  if (schema instanceof z.ZodEnum) return schema.options.map((option) => `\`${option}\``).join(' or ');
  if (schema instanceof z.ZodBoolean) return '`true` or `false`';
  if (schema instanceof z.ZodNumber) return describeNumber(schema);
  if (schema instanceof z.ZodArray) return 'a list';
  if (schema instanceof z.ZodObject) return 'a mapping';
  return 'a text';
}

function describeNumber({ minValue, maxValue, format }: z.ZodNumber): string {
  const kind = format === 'safeint' ? 'a whole number' : 'a number';
  const isOpen = maxValue === null || maxValue === Number.MAX_SAFE_INTEGER;
  return isOpen ? `${kind}, ${minValue} or more` : `${kind} from ${minValue} to ${maxValue}`;
}

/** Texts for the terminal have no markup; what would be taken for some is put into code. */
function escapeMarkdown(text: string): string {
  return text.replaceAll(/"[^"]*\*[^"]*"|\S*[<*]\S*/gu, (part) => {
    const [, word = part, after = ''] = /^(.*?)([,;.]*)$/u.exec(part) ?? [];
    return `\`${word}\`${after}`;
  });
}
