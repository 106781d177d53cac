import { isRecord } from '#shared/common/is-record.ts';
import { VARIABLE_NAME, VARIABLE_NAME_RULE } from '#shared/flux/variable-name.ts';
import type { KubernetesObject } from '#shared/kubernetes/kubernetes-object.ts';

import { expandVariables } from './expand-variables.ts';
import { parseKubernetesYaml } from './parse-kubernetes-yaml.ts';
import { isFluxComponent } from './split-flux-objects.ts';

/** A rendered stream with variables filled in, or what stopped it, per object. */
export type Substitution =
  | {
      readonly outcome: 'substituted';
      readonly text: string;
      /** The documents of the stream as they were; undefined for one that has no variables. */
      readonly originals: readonly unknown[];
    }
  | { readonly outcome: 'refused'; readonly messages: readonly string[] };

const SUBSTITUTE = 'kustomize.toolkit.fluxcd.io/substitute';

/**
 * Merges the variables of a Kustomization: later references win over earlier ones, and what is written inline over
 * all. Line breaks are taken out of values, as in Flux, so that a value cannot add lines to a manifest.
 */
export function mergeVariables(
  referenced: readonly Readonly<Record<string, string>>[],
  inline: Readonly<Record<string, string>>,
): ReadonlyMap<string, string> {
  const variables = new Map<string, string>();
  for (const values of [...referenced, inline]) {
    for (const [name, value] of Object.entries(values)) {
      variables.set(name, value.replaceAll('\n', ''));
    }
  }
  return variables;
}

/**
 * Fills variables into each object of a rendered stream that has not opted out and is applied: what installs Flux is left
 * out later, and its definitions speak of `${var:=default}` in their texts. It works on the text, as Flux does:
 * `replicas: ${count}` becomes a number. With no variables at all nothing is touched, escapes included.
 */
export function substituteVariables(stream: string, variables: ReadonlyMap<string, string>): Substitution {
  if (variables.size === 0) return { outcome: 'substituted', text: stream, originals: [] };
  const messages = [...variables.keys()]
    .filter((name) => !VARIABLE_NAME.test(name))
    .map((name) => `variable ${JSON.stringify(name)} has no valid name; allowed are ${VARIABLE_NAME_RULE}`);
  const originals: unknown[] = [];
  // kustomize indents all content of an object, so that a line of three dashes is always a separator.
  const documents = stream.split(/^---\n/m).map((document, index) => {
    if (!document.includes('$')) return document;
    const described = describeDocument(document);
    if (described.untouched) return document;
    originals[index] = described.object;
    const expansion = expandVariables(document, variables);
    if (expansion.outcome === 'refused') {
      messages.push(`${described.name}: ${expansion.message}`);
      return document;
    }
    return expansion.text;
  });
  return messages.length > 0
    ? { outcome: 'refused', messages }
    : { outcome: 'substituted', text: documents.join('---\n'), originals };
}

function describeDocument(document: string): {
  readonly object: unknown;
  readonly name: string;
  readonly untouched: boolean;
} {
  const object = firstObject(document);
  const metadata = isRecord(object['metadata']) ? object['metadata'] : {};
  const marks = [metadata['labels'], metadata['annotations']];
  const place = typeof metadata['namespace'] === 'string' ? `${metadata['namespace']}/` : '';
  return {
    object,
    name: `${String(object['kind'])}/${place}${String(metadata['name'])}`,
    untouched:
      marks.some((mark) => isRecord(mark) && mark[SUBSTITUTE] === 'disabled') ||
      (isObject(object) && isFluxComponent(object)),
  };
}

function isObject(value: Readonly<Record<string, unknown>>): value is KubernetesObject {
  const { apiVersion, kind, metadata } = value;
  return (
    typeof apiVersion === 'string' &&
    typeof kind === 'string' &&
    isRecord(metadata) &&
    typeof metadata['name'] === 'string' &&
    (metadata['labels'] === undefined || isRecord(metadata['labels']))
  );
}

/** What cannot be read has no marks here, and is reported when the result is read. */
function firstObject(document: string): Readonly<Record<string, unknown>> {
  try {
    const [object] = parseKubernetesYaml(document);
    return isRecord(object) ? object : {};
  } catch {
    return {};
  }
}
