import {
  boolYaml11Tag,
  defineScalarTag,
  loadAll,
  mapTag,
  mergeTag,
  NOT_RESOLVED,
  nullCoreTag,
  Schema,
  seqTag,
  strTag,
  YAMLException,
} from 'js-yaml';

/** Bounds on what a text may unfold into, far above what people write and far below what hurts. */
export const YAML_LIMITS = { bytes: 32 * 1024 * 1024, documents: 50_000, depth: 100, aliases: 100, nodes: 5_000_000 };

const NUMBER_STARTS = ['+', '-', '.', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9'];
const INTEGER = /^[-+]?(?:0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)$/;
const FLOAT = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/;

// kubectl, Flux and the API server read numbers with Go's rules: 010 is octal, 1_000 has a separator, 12:30 is text.
const numberTag = defineScalarTag('tag:yaml.org,2002:float', {
  implicit: true,
  implicitFirstChars: NUMBER_STARTS,
  resolve: (source) => resolveNumber(source),
  identify: (value) => typeof value === 'number',
});

const KUBERNETES_SCHEMA = new Schema([strTag, seqTag, mapTag, mergeTag, nullCoreTag, boolYaml11Tag, numberTag]);

/**
 * The documents of a YAML text, read as Kubernetes reads YAML (1.1 for booleans: an unquoted `yes` or `on` is true).
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
    return loadAll(text, {
      schema: KUBERNETES_SCHEMA,
      maxDepth: YAML_LIMITS.depth,
      maxAliases: YAML_LIMITS.aliases,
    });
  } catch (error) {
    throw error instanceof YAMLException ? new Error(describeWithoutText(error)) : error;
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

function resolveNumber(source: string): number | typeof NOT_RESOLVED {
  const plain = source.replaceAll('_', '');
  if (INTEGER.test(plain)) {
    const value = integerOf(plain);
    if (!Number.isSafeInteger(value)) {
      throw new RangeError(
        `an integer of ${plain.length} characters is larger than can be read exactly; quote it if it is a text`,
      );
    }
    return value;
  }
  return FLOAT.test(plain) ? Number(plain) : NOT_RESOLVED;
}

function integerOf(plain: string): number {
  const negative = plain.startsWith('-');
  const digits = plain.replace(/^[-+]/, '');
  const octal = /^0[oO]?([0-7]+)$/.exec(digits);
  const value = octal?.[1] === undefined ? Number(digits) : Number.parseInt(octal[1], 8);
  return negative && value !== 0 ? -value : value;
}
