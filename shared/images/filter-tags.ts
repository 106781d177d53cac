import { RE2JS } from 're2js';

import { describeError, TidegateError } from '#shared/common/tidegate-error.ts';

import { expandTemplate } from './expand-template.ts';

const MAX_PATTERN_LENGTH = 1024;

/** Turns a tag into the text that the policy orders, or undefined when the filter leaves the tag out. */
export type TagFilter = (tag: string) => string | undefined;

/**
 * Builds the filter of an ImagePolicy: RE2, unanchored as in Flux; what `extract` makes of a match is what the policy orders.
 *
 * @throws TidegateError `InvalidTagFilter` (stall).
 */
export function tagFilter(filter: { readonly pattern: string; readonly extract?: string } | undefined): TagFilter {
  if (filter === undefined) return (tag) => tag;
  const pattern = compilePattern(filter.pattern, 'filterTags.pattern');
  const { extract } = filter;
  const names = new Map(Object.entries(pattern.namedGroups()));
  return (tag) => {
    const matcher = pattern.matcher(tag);
    if (!matcher.find()) return undefined;
    if (extract === undefined || extract === '') return tag;
    return expandTemplate(extract, {
      count: pattern.groupCount(),
      numberOf: (name) => names.get(name),
      textOf: (group) => matcher.group(group) ?? undefined,
    });
  };
}

/** Whether a tag is left out of an ImageRepository by one of its exclusion patterns. */
export function tagExclusion(exclusionList: readonly string[]): (tag: string) => boolean {
  const patterns = exclusionList.map((text, index) => compilePattern(text, `exclusionList[${index}]`));
  return (tag) => patterns.some((pattern) => pattern.matcher(tag).find());
}

function compilePattern(text: string, field: string): RE2JS {
  try {
    if (text.length > MAX_PATTERN_LENGTH) throw new Error(`longer than ${MAX_PATTERN_LENGTH} characters`);
    return RE2JS.compile(text);
  } catch (cause) {
    throw new TidegateError(
      'InvalidTagFilter',
      `${field} "${text.slice(0, 80)}" is not a pattern in RE2 syntax: ${describeError(cause)}`,
      { disposition: 'stall', cause },
    );
  }
}
