import type { ImagePolicy } from '#shared/flux/kinds/image-policy.ts';

import { alphabeticalPolicy } from './alphabetical-policy.ts';
import { tagExclusion, tagFilter } from './filter-tags.ts';
import { isTag } from './image-reference.ts';
import type { ImageTag } from './image-tag.ts';
import { numericalPolicy } from './numerical-policy.ts';
import { semverPolicy } from './semver-policy.ts';
import type { TagOrder } from './tag-order.ts';

/**
 * The order that an ImagePolicy puts the tags of its repository in: the filter's extraction is what is compared, the tag as
 * pushed is what is spoken of.
 *
 * @throws TidegateError `InvalidSemverRange`, `InvalidTagFilter` (stall).
 */
export function orderOfPolicy(
  policy: Pick<ImagePolicy, 'policy' | 'filterTags'>,
  exclusionList: readonly string[],
): TagOrder {
  const order = basicOrder(policy.policy);
  const filter = tagFilter(policy.filterTags);
  const excluded = tagExclusion(exclusionList);
  return {
    allows(tag) {
      const text = filter(tag);
      return text !== undefined && isTag(tag) && !excluded(tag) && order.allows(text);
    },
    compare(a, b) {
      const left = filter(a);
      const right = filter(b);
      return left === undefined || right === undefined ? undefined : order.compare(left, right);
    },
  };
}

/** The newest tag that the order allows; equal ones are told apart by name, so that the answer never flips. */
export function selectTag(order: TagOrder, tags: readonly ImageTag[]): ImageTag | undefined {
  let newest: ImageTag | undefined;
  for (const candidate of tags) {
    if (!order.allows(candidate.tag)) continue;
    const difference = newest === undefined ? 1 : (order.compare(candidate.tag, newest.tag) ?? 0);
    if (difference > 0 || (difference === 0 && newest !== undefined && candidate.tag < newest.tag)) newest = candidate;
  }
  return newest;
}

function basicOrder(policy: ImagePolicy['policy']): TagOrder {
  switch (policy.kind) {
    case 'semver':
      return semverPolicy(policy.range);
    case 'alphabetical':
      return alphabeticalPolicy(policy.order);
    case 'numerical':
      return numericalPolicy(policy.order);
  }
}
