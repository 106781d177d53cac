/** The text in one field of an answer, if there is one. */
export function readText(answer: unknown, field: string): string | undefined {
  const value: unknown = typeof answer === 'object' && answer !== null ? Reflect.get(answer, field) : undefined;
  return typeof value === 'string' ? value : undefined;
}
