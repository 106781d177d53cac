import { formatObjectId } from '#shared/kubernetes/kubernetes-object.ts';

import type { ObservedObject } from '../observe/observed-cluster.ts';
import { CLAIM, isDerived, type WeighedObject, type Weight } from './weight.ts';

const MAX_NAMED = 3;

/** Tells what would go with an object; `isOurs` knows what Kustomizations hold, for which it waits. */
export function describeWeight(
  { id }: ObservedObject,
  { data, contents, unknown }: Weight,
  isOurs: (object: WeighedObject) => boolean,
): string {
  if (unknown !== undefined) return `nobody knows what would go with it: ${unknown}`;
  if (data) return id.kind === CLAIM.kind ? 'the data of its volume would go with it' : 'its data would go with it';
  const counted = contents.filter((object) => isOurs(object) || !isDerived(object));
  if (counted.length === 0) {
    return `${id.kind === 'Namespace' ? 'all that is in it' : 'every object of its kind'} would go with it; at the moment there is nothing`;
  }
  // What nobody else would name comes first.
  const sorted = [...counted].sort((one, other) => Number(isOurs(one)) - Number(isOurs(other)));
  const named = sorted.slice(0, MAX_NAMED).map((object) => formatObjectId(object.id));
  const kinds = new Map<string, number>();
  counted.forEach((object) => kinds.set(object.id.kind, (kinds.get(object.id.kind) ?? 0) + 1));
  const sums = [...kinds].map(([kind, count]) => `${count} ${kind}`).join(', ');
  const ours = counted.filter(isOurs).length;
  const waits =
    ours === 0 ? '' : `; ${ours} of them are held by Kustomizations, and it stays until they have let them go`;
  return `${counted.length} ${counted.length === 1 ? 'object' : 'objects'} would go with it (${sums}): ${named.join(', ')}${counted.length > MAX_NAMED ? ', …' : ''}${waits}`;
}
