/** What other resources may know of one that is deployed. */
export interface Identity {
  /** What `Ref` of it is. */
  readonly ref: string;
  /** What `Fn::GetAtt` of it is. */
  readonly attributes: Readonly<Record<string, string>>;
}

/** What the references of a template lead to. */
export interface Referents {
  /** `AWS::Region` and its like, and the parameters. */
  readonly values: Readonly<Record<string, string>>;
  readonly resources: ReadonlyMap<string, Identity>;
}

const NO_VALUE = Symbol('AWS::NoValue');

/**
 * Replaces the references and functions in a value of a template by what they stand for.
 * @throws Error naming the place, when a reference leads nowhere or a function is not one of those known here.
 */
export function resolveIntrinsics(value: unknown, referents: Referents, place: string): unknown {
  const resolved = resolve(value, referents, place);
  return resolved === NO_VALUE ? undefined : resolved;
}

/** The names that a value of a template refers to, of whatever they are. */
export function listReferences(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(listReferences);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, argument]: [string, unknown]) => {
    if (name === 'Ref') return [String(argument)];
    if (name === 'Fn::GetAtt') return [readAttribute(argument, name)[0]];
    if (name === 'Fn::Sub') {
      const [text, variables] = readSubstitution(argument, name);
      return [...placeholdersOf(text).map((placeholder) => splitOnce(placeholder)[0]), ...listReferences(variables)];
    }
    return listReferences(argument);
  });
}

function resolve(value: unknown, referents: Referents, place: string): unknown {
  if (Array.isArray(value)) {
    return value
      .map((item: unknown, index) => resolve(item, referents, `${place}[${index}]`))
      .filter((item) => item !== NO_VALUE);
  }
  if (typeof value !== 'object' || value === null) return value;
  const entries: readonly (readonly [string, unknown])[] = Object.entries(value);
  const [first] = entries;
  if (first !== undefined && entries.length === 1 && (first[0] === 'Ref' || first[0].startsWith('Fn::'))) {
    return call(first[0], first[1], referents, place);
  }
  return Object.fromEntries(
    entries
      .map(([name, item]) => [name, resolve(item, referents, `${place}.${name}`)] as const)
      .filter(([, item]) => item !== NO_VALUE),
  );
}

function call(name: string, argument: unknown, referents: Referents, place: string): unknown {
  switch (name) {
    case 'Ref':
      return argument === 'AWS::NoValue' ? NO_VALUE : refer(String(argument), referents, place);
    case 'Fn::GetAtt': {
      const [id, attribute] = readAttribute(argument, place);
      return getAttribute(id, attribute, referents, place);
    }
    case 'Fn::Join': {
      const [separator, parts] = readPair(argument, name, place);
      const texts = resolve(parts, referents, place);
      if (!Array.isArray(texts)) throw new Error(`${place}: Fn::Join joins no list`);
      return texts.map((text: unknown) => asText(text, place)).join(asText(separator, place));
    }
    case 'Fn::Sub': {
      const [text, variables] = readSubstitution(argument, place);
      const own = resolve(variables, referents, place);
      const known = new Map<string, unknown>(typeof own === 'object' && own !== null ? Object.entries(own) : []);
      return text.replaceAll(/\$\{([^!][^}]*)\}/gu, (_, placeholder: string) => {
        if (known.has(placeholder)) return asText(known.get(placeholder), place);
        const [id, attribute] = splitOnce(placeholder);
        return attribute === '' ? refer(id, referents, place) : getAttribute(id, attribute, referents, place);
      });
    }
    case 'Fn::Equals': {
      const [left, right] = readPair(argument, name, place);
      return resolve(left, referents, place) === resolve(right, referents, place);
    }
    case 'Fn::Not': {
      const operand: unknown = Array.isArray(argument) ? argument[0] : undefined;
      return resolve(operand, referents, place) !== true;
    }
    default:
      throw new Error(`${place}: ${name} is not known here; allowed: Ref, Fn::GetAtt, Join, Sub, Equals and Not`);
  }
}

function refer(id: string, { values, resources }: Referents, place: string): string {
  const found = resources.get(id)?.ref ?? (Object.hasOwn(values, id) ? values[id] : undefined);
  if (found === undefined) throw new Error(`${place}: refers to ${id}, which is not there`);
  return found;
}

function getAttribute(id: string, attribute: string, { resources }: Referents, place: string): string {
  const identity = resources.get(id);
  if (identity === undefined) throw new Error(`${place}: refers to ${id}, which is not there`);
  const found = Object.hasOwn(identity.attributes, attribute) ? identity.attributes[attribute] : undefined;
  if (found !== undefined) return found;
  const known = Object.keys(identity.attributes).join(', ') || 'none';
  throw new Error(`${place}: asks ${id} for ${attribute}; known here: ${known}`);
}

function readAttribute(argument: unknown, place: string): readonly [string, string] {
  if (typeof argument === 'string') return splitOnce(argument);
  const [id, attribute] = readPair(argument, 'Fn::GetAtt', place);
  return [asText(id, place), asText(attribute, place)];
}

function readSubstitution(argument: unknown, place: string): readonly [string, unknown] {
  if (typeof argument === 'string') return [argument, {}];
  const [text, variables] = readPair(argument, 'Fn::Sub', place);
  return [asText(text, place), variables];
}

function readPair(argument: unknown, name: string, place: string): readonly [unknown, unknown] {
  if (!Array.isArray(argument) || argument.length !== 2) throw new Error(`${place}: ${name} takes a pair`);
  const [first, second]: unknown[] = argument;
  return [first, second];
}

function placeholdersOf(text: string): readonly string[] {
  return [...text.matchAll(/\$\{([^!][^}]*)\}/gu)].map(([, placeholder = '']) => placeholder);
}

function splitOnce(text: string): readonly [string, string] {
  const dot = text.indexOf('.');
  return dot === -1 ? [text, ''] : [text.slice(0, dot), text.slice(dot + 1)];
}

function asText(value: unknown, place: string): string {
  if (typeof value === 'string' || typeof value === 'number') return `${value}`;
  throw new Error(`${place}: found ${JSON.stringify(value)} where a text has to stand`);
}
