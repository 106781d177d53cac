import { describe, expect, it } from 'vitest';

import { FILLED_FIELDS } from '#shared/kubernetes/filled-fields.ts';
import { markSecretFields } from '#shared/reconcile/mark-secret-fields.ts';
import { readManifests } from '#shared/render/read-manifests.ts';
import { substituteVariables } from '#shared/render/substitute-variables.ts';

const HEAD = 'apiVersion: example.com/v1\nkind: Thing\nmetadata:\n  name: thing\n';

/** Fills variables into a manifest; `PIN` and what begins with it are of a Secret. */
function mark(manifest: string, variables: Readonly<Record<string, string>>) {
  const values = new Map(Object.entries(variables));
  const substituted = substituteVariables(HEAD + manifest, values);
  if (substituted.outcome === 'refused') throw new Error(substituted.messages.join());
  const read = readManifests(substituted.text, substituted.originals);
  if (read.outcome === 'refused') throw new Error(read.messages.join());
  const secret = new Set([...values.keys()].filter((name) => name.startsWith('PIN')));
  return markSecretFields(read.objects, secret, values);
}

describe('values that come to more than their letters', () => {
  it.each<[string, string, Readonly<Record<string, string>>, readonly string[]]>([
    ['the number that YAML reads', 'size: ${PIN}\n', { PIN: '0123456' }, ['0123456', '42798']],
    ['the number that YAML reads in a longer text', 'size: 0${PIN}\n', { PIN: '123456' }, ['123456', '42798']],
    ['what is left before a comment', 'size: ${PIN}\n', { PIN: 'hunter2 # x' }, ['hunter2 # x', 'hunter2']],
    ['what is between quotes', 'size: ${PIN}\n', { PIN: '"hunter2"' }, ['"hunter2"', 'hunter2']],
    ['all that is in a list', 'size: ${PIN}\n', { PIN: '[0123, {a: b}]' }, ['[0123, {a: b}]', '83', 'a', 'b']],
    ['what an expression made of it', 'size: x${PIN^^}\n', { PIN: 'hunter2' }, ['HUNTER2']],
    ['what an expression left of it', 'size: ${PIN%2}\n', { PIN: 'hunter2' }, ['hunter']],
    ['what is inside of a default', 'size: ${OTHER:=${PIN^^}}\n', { OTHER: '', PIN: 'hunter2' }, ['HUNTER2']],
    ['a key', 'size:\n  ${PIN}: five\n', { PIN: '0123456' }, ['0123456', '42798']],
    [
      'what is below a key',
      'size:\n  ${OTHER}:\n    at: ${PIN}\n',
      { OTHER: 'x', PIN: '0123456' },
      ['0123456', '42798'],
    ],
  ])('are found as %s', (_what, manifest, variables, values) => {
    expect([...mark(manifest, variables).values].filter((value) => value !== 'x').sort()).toEqual([...values].sort());
  });

  it('are not looked for where no Secret is: what stands in Git, lengths, other variables', () => {
    const manifest = 'a: ${OTHER}\nb: ${#PIN}\nc: "web-${OTHER}-${PIN}"\n';

    expect(mark(manifest, { OTHER: '017', PIN: 'hunter2' }).values.filter((value) => value !== '7')).toEqual([
      'hunter2',
    ]);
  });

  it('leave a mark on their fields, and on no others', () => {
    const [object] = mark('a: ${OTHER}\nb: ${PIN}\n', { OTHER: '017', PIN: '018' }).objects;

    const marks = (object?.[FILLED_FIELDS] ?? []).map(({ path, isSecret = false }) => `${path.join('.')} ${isSecret}`);
    expect(marks.sort()).toEqual(['a false', 'b true']);
  });
});
