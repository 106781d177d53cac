import { parseSemverRange } from './semver-range.ts';
import type { TagOrder } from './tag-order.ts';
import { compareVersions, parseVersion } from './version.ts';

/** Versions of a range, by precedence. A version outside the range still has its place, so that leaving the range is no downgrade. */
export function semverPolicy(range: string): TagOrder {
  const allowed = parseSemverRange(range);
  return {
    allows: (tag) => allowed.matches(tag),
    compare(a, b) {
      const left = parseVersion(a);
      const right = parseVersion(b);
      return left === undefined || right === undefined ? undefined : compareVersions(left, right);
    },
  };
}
