type Marks = Readonly<Record<string, string>> | undefined;

/** Whether an object says this by an annotation or a label, in upper or lower case, as Flux reads its own. */
export function hasMark(
  { labels, annotations }: { readonly labels?: Marks; readonly annotations?: Marks },
  key: string,
  value: 'enabled' | 'disabled',
): boolean {
  return [labels, annotations].some((marks) => marks?.[key]?.toLowerCase() === value);
}
