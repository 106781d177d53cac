import { formatExactJson } from '#shared/common/exact-json.ts';
import { isRecord } from '#shared/common/is-record.ts';
import { FILLED_FIELDS, type FilledField } from '#shared/kubernetes/filled-fields.ts';
import type { KubernetesObject } from '#shared/kubernetes/kubernetes-object.ts';
import { expandVariables } from '#shared/render/expand-variables.ts';

/** Objects that say which of their fields hold values of Secrets, and all that those values became on their way. */
export interface MarkedObjects {
  readonly objects: readonly KubernetesObject[];
  readonly values: readonly string[];
}

/**
 * Marks the fields that hold the value of a Secret, whatever became of it: YAML read `0123456` as another number, `"a" # b`
 * as `a`, and an expression took letters off or changed them.
 *
 * @param secret names of the variables that have their value from a Secret.
 */
export function markSecretFields(
  objects: readonly KubernetesObject[],
  secret: ReadonlySet<string>,
  variables: ReadonlyMap<string, string>,
): MarkedObjects {
  if (secret.size === 0) return { objects, values: [] };
  const values = new Set<string>();
  const marked = objects.map((object) => {
    const filled = object[FILLED_FIELDS];
    if (filled?.some(isSecret) !== true) return object;
    for (const field of filled.filter(isSecret)) {
      const expansion = expandVariables(field.template, variables, (name, result) => {
        if (secret.has(name)) values.add(result);
      });
      const written = expansion.outcome === 'expanded' ? expansion.text : undefined;
      // What stands in Git is no secret, and a text that YAML left as it is consists of that and of the results.
      scalarsAt(object, field)
        .filter((value) => !field.template.includes(value) && (field.isRetyped || value !== written))
        .forEach((value) => values.add(value));
    }
    return { ...object, [FILLED_FIELDS]: filled.map((one) => (isSecret(one) ? { ...one, isSecret: true } : one)) };
  });
  return { objects: marked, values: [...values] };

  function isSecret(field: FilledField): boolean {
    return field.variables.some((name) => secret.has(name));
  }
}

/** All scalars of a field, and the key that leads to it where variables filled that in, as texts. */
function scalarsAt(object: KubernetesObject, { path, isKey }: FilledField): readonly string[] {
  const found: string[] = isKey ? path.slice(-1).map(String) : [];
  const pending: unknown[] = [path.reduce<unknown>(childOf, object)];
  while (pending.length > 0) {
    const value = pending.pop();
    if (isRecord(value)) {
      pending.push(...Object.keys(value), ...Object.values(value));
    } else if (Array.isArray(value)) {
      pending.push(...(value as readonly unknown[]));
    } else if (value !== null && value !== undefined) {
      found.push(typeof value === 'string' ? value : formatExactJson(value));
    }
  }
  return found;
}

function childOf(value: unknown, part: string | number): unknown {
  return isRecord(value) || Array.isArray(value)
    ? (value as Readonly<Record<string | number, unknown>>)[part]
    : undefined;
}
