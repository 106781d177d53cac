import type { NamespacedName } from '#shared/flux/resource-key.ts';

/** Which part of an image a marked scalar holds; `image` is the whole reference. */
export type MarkedPart = 'image' | 'name' | 'tag' | 'digest';

/** A scalar that a line comment hands over to an image policy. */
export interface PolicyMarker {
  readonly file: string;
  /** 1-based. */
  readonly line: number;
  /** Place of the scalar in the file: `spec.containers[0].image`, with `1:` in front in the second document. */
  readonly path: string;
  readonly policy: NamespacedName;
  readonly part: MarkedPart;
  /** As written, without quotes; `1.10` stays `1.10`. */
  readonly value: string;
}

const MARKER_KEY = '$imagepolicy';
/** What a file must contain for it to be read at all. */
export const MARKER_LITERAL = `"${MARKER_KEY}"`;

/** @returns the setter, or a fault in words, or undefined when the comment is no marker. */
export function parseMarkerComment(
  comment: string,
): { readonly policy: NamespacedName; readonly part: MarkedPart } | { readonly fault: string } | undefined {
  const text = comment.replace(/^#+/u, '').trim();
  if (!text.startsWith('{') || !text.includes(MARKER_LITERAL)) return undefined;
  const setter = readSetter(text);
  const match = /^([a-z0-9](?:[a-z0-9-]*[a-z0-9])?):([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)(?::(name|tag|digest))?$/u.exec(
    setter ?? '',
  );
  const [, namespace, name, part] = match ?? [];
  if (namespace === undefined || name === undefined) {
    return {
      fault: `marker ${text.slice(0, 120)} is not {"${MARKER_KEY}": "<namespace>:<policy>"}, with :name, :tag or :digest behind the policy for a part of the image`,
    };
  }
  return { policy: { namespace, name }, part: (part ?? 'image') as MarkedPart };
}

function readSetter(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, MARKER_KEY)) return undefined;
    const setter: unknown = Reflect.get(value, MARKER_KEY);
    return typeof setter === 'string' ? setter : undefined;
  } catch {
    return undefined;
  }
}
