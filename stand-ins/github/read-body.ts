/** A string of a checked body, or undefined. */
export function textOf(body: Readonly<Record<string, unknown>>, key: string): string | undefined {
  const value = body[key];
  return typeof value === 'string' ? value : undefined;
}

/** A string list of a checked body, or undefined. */
export function textsOf(body: Readonly<Record<string, unknown>>, key: string): string[] | undefined {
  const value = body[key];
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : undefined;
}

/** An object of a checked body, or undefined. */
export function objectOf(body: Readonly<Record<string, unknown>>, key: string): Record<string, unknown> | undefined {
  const value = body[key];
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
}

/** The objects of a list of a checked body, or undefined. */
export function objectsOf(body: Readonly<Record<string, unknown>>, key: string): Record<string, unknown>[] | undefined {
  const value = body[key];
  if (!Array.isArray(value)) return undefined;
  return value.filter((item) => typeof item === 'object' && item !== null).map((item: object) => ({ ...item }));
}

/** Whether a hook's calls skip the check of certificates, as GitHub writes it. */
export function insecureOf(value: unknown): '0' | '1' {
  return value === '1' || value === 1 ? '1' : '0';
}
