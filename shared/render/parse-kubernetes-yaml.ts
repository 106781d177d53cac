import {
  constructFromEvents,
  defineMappingTag,
  defineScalarTag,
  defineSequenceTag,
  mapTag,
  mergeTag,
  NOT_RESOLVED,
  parseEvents,
  Schema,
  seqTag,
  strTag,
  YAMLException,
  type Event,
} from 'js-yaml';

import { formatGoFloat, isGoYamlFloat, readGoYamlScalar } from '#shared/yaml-edit/go-yaml-scalar.ts';

import { hasUnicodeLineBreaks, markLineBreaks, restoreLineBreaks } from './unicode-line-breaks.ts';

/** Bounds on what a text may unfold into, far above what people write and far below what hurts. */
export const YAML_LIMITS = { bytes: 32 * 1024 * 1024, documents: 50_000, depth: 100, aliases: 100, nodes: 5_000_000 };

const IMPLICIT_STARTS = ['', ...'~+-.0123456789yYnNtTfFoO'.split('')];
const TAG = 'tag:yaml.org,2002:';

/** A float that JavaScript cannot tell from an integer. As a key Go writes it as a float, as a value both are the same. */
class WholeFloat {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

// kubectl, Flux and the API server read scalars with go-yaml's rules: 010 is octal, 1_000 has a separator, yes is true.
const plainTag = defineScalarTag(`${TAG}null`, {
  implicit: true,
  implicitFirstChars: IMPLICIT_STARTS,
  resolve: (source, isExplicit) => {
    const value = readGoYamlScalar(source, 'v2');
    if (isExplicit) return value === null ? null : NOT_RESOLVED;
    if (typeof value === 'string') return NOT_RESOLVED;
    return Number.isInteger(value) && isGoYamlFloat(source) ? new WholeFloat(Number(value)) : value;
  },
  identify: () => false,
});

const EXPLICIT_TAGS = [
  explicitTag('bool', (_, value) => (typeof value === 'boolean' ? value : NOT_RESOLVED)),
  explicitTag('int', (source, value) => (isNumeric(value) && !isFloat(source, value) ? value : NOT_RESOLVED)),
  explicitTag('float', (_, value) => {
    const tooLarge = typeof value === 'bigint' && value >= 2n ** 63n;
    return isNumeric(value) && !tooLarge ? wholeOrNot(Number(value)) : NOT_RESOLVED;
  }),
  explicitTag('timestamp', (source) => (/^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}/.test(source) ? source : NOT_RESOLVED)),
  explicitTag('binary', (source) => decodeBase64(source) ?? NOT_RESOLVED),
  // A tag that nobody knows says nothing.
  defineScalarTag('', {
    matchByTagPrefix: true,
    resolve: (source, _, tagName) => (tagName === TAG ? NOT_RESOLVED : source),
    identify: () => false,
  }),
];

const COLLECTION_TAGS = (['map', ''] as const).flatMap((name) => [
  defineMappingTag<Record<string, unknown>>(name === '' ? '' : mapTag.tagName, {
    ...mapTag,
    matchByTagPrefix: name === '',
    addPair: (container, key, value) => addPair(container, key, value),
    has: (container, key) => mapTag.has(container, typeof key === 'string' ? key : formatKey(key)),
    identify: () => false,
  }),
  defineSequenceTag<unknown[]>(name === '' ? '' : seqTag.tagName, {
    matchByTagPrefix: name === '',
    create: () => [],
    addItem: (container, item) => {
      container.push(item instanceof WholeFloat ? item.value : item);
    },
    identify: () => false,
  }),
]);

const KUBERNETES_SCHEMA = new Schema([strTag, mergeTag, plainTag, ...EXPLICIT_TAGS, ...COLLECTION_TAGS]);

/**
 * The documents of a YAML text, read as Kubernetes reads YAML: each scalar as `sigs.k8s.io/yaml` does, an integer that a
 * number cannot hold as a bigint.
 *
 * @throws Error in the parser's words, with the line, when the text is not YAML or unfolds beyond the limits.
 */
export function parseKubernetesYaml(text: string): readonly unknown[] {
  if (text.length > YAML_LIMITS.bytes) {
    throw new RangeError(`yaml has ${text.length} characters; at most ${YAML_LIMITS.bytes} are read`);
  }
  const documents = load(text);
  if (documents.length > YAML_LIMITS.documents) {
    throw new RangeError(`yaml has ${documents.length} documents; at most ${YAML_LIMITS.documents} are read`);
  }
  assertBounded(documents);
  return documents;
}

function load(text: string): readonly unknown[] {
  try {
    const marked = hasUnicodeLineBreaks(text) ? markLineBreaks(text) : undefined;
    const parsed = parseEvents(marked?.text ?? text, { maxDepth: YAML_LIMITS.depth });
    assertAnchorNames(marked?.text ?? text, parsed);
    const { source, events } =
      marked === undefined ? { source: text, events: parsed } : restoreLineBreaks(marked, parsed);
    const documents = constructFromEvents(events, {
      source,
      schema: KUBERNETES_SCHEMA,
      maxAliases: YAML_LIMITS.aliases,
    });
    return documents.map((document) => (document instanceof WholeFloat ? document.value : document));
  } catch (error) {
    throw error instanceof YAMLException ? new Error(describeWithoutText(error)) : error;
  }
}

/** YAML 1.2 allows every character in the name of an anchor, Kubernetes' parser only these. */
function assertAnchorNames(source: string, events: readonly Event[]): void {
  for (const event of events) {
    if (!('anchorStart' in event) || event.anchorStart < 0) continue;
    if (!/^[0-9A-Za-z_-]+$/.test(source.slice(event.anchorStart, event.anchorEnd))) {
      throw new Error('the name of an anchor or alias has a character that is none of letters, digits, _ and -');
    }
  }
}

// The parser quotes the lines around the mistake, and names aliases and tags: a manifest's lines may hold a secret.
function describeWithoutText({ reason, mark }: YAMLException): string {
  const words = reason.replaceAll(/"[^"]*"|!<[^>]*>/g, '…');
  return mark === undefined ? words : `${words} (${mark.line + 1}:${mark.column + 1})`;
}

/** Aliases share a node in memory, and unfold when the value is written out: what counts is the unfolded size. */
function assertBounded(documents: readonly unknown[]): void {
  let nodes = 0;
  const pending: unknown[] = [...documents];
  while (pending.length > 0) {
    const value = pending.pop();
    nodes += 1;
    if (nodes > YAML_LIMITS.nodes) {
      throw new RangeError(
        `yaml unfolds into more than ${YAML_LIMITS.nodes} values; remove aliases that repeat aliases`,
      );
    }
    if (Array.isArray(value)) {
      for (const item of value) {
        pending.push(item);
      }
    } else if (typeof value === 'object' && value !== null) {
      for (const item of Object.values(value)) {
        pending.push(item);
      }
    }
  }
}

function explicitTag(name: string, read: (source: string, value: unknown) => unknown) {
  return defineScalarTag(TAG + name, {
    resolve: (source) => read(source, readGoYamlScalar(source, 'v2')),
    identify: () => false,
  });
}

function isNumeric(value: unknown): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint';
}

function isFloat(source: string, value: number | bigint): boolean {
  return typeof value === 'number' && (!Number.isFinite(value) || isGoYamlFloat(source));
}

function wholeOrNot(value: number): number | WholeFloat {
  return Number.isInteger(value) ? new WholeFloat(value) : value;
}

/** A text only: what is none would arrive as other characters than were meant. */
function decodeBase64(source: string): string | undefined {
  const plain = source.replaceAll(/[\r\n]/g, '');
  if (plain.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(plain)) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(plain, 'base64'));
  } catch {
    return undefined;
  }
}

function addPair(container: Record<string, unknown>, key: unknown, value: unknown): string {
  if (key === null) return 'a key is empty or null; quote it';
  if (typeof key === 'bigint' && key >= 2n ** 63n) return 'a key is an integer beyond 64 bits; quote it';
  const name = typeof key === 'string' ? key : formatKey(key);
  return mapTag.addPair(container, name, value instanceof WholeFloat ? value.value : value);
}

/** `sigs.k8s.io/yaml` writes a key that is no text as one. */
function formatKey(key: unknown): unknown {
  if (key instanceof WholeFloat) return formatGoFloat(key.value);
  if (typeof key === 'number') return Number.isInteger(key) ? String(key) : formatGoFloat(key);
  return typeof key === 'bigint' || typeof key === 'boolean' ? String(key) : key;
}
