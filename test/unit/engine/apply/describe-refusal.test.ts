import { describe, expect, it } from 'vitest';

import { describeRefusal } from '#shared/engine/apply/describe-refusal.ts';
import { KubernetesApiError, type KubernetesStatus } from '#shared/kubernetes/api-error.ts';
import { FILLED_FIELDS } from '#shared/kubernetes/filled-fields.ts';
import type { KubernetesObject } from '#shared/kubernetes/kubernetes-object.ts';

function refusal(kind: string, status: Partial<KubernetesStatus>, sent?: KubernetesObject) {
  const error = new KubernetesApiError({ code: 422, reason: 'Invalid', message: '', causes: [], ...status });
  return describeRefusal({ group: '', kind, namespace: 'app', name: 'web' }, error, sent);
}

const TYPED = 'failed to create typed patch object (app/web; apps/v1, Kind=Deployment): ';
const DECODED =
  'Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32';

describe('a refusal', () => {
  it.each<[string, Partial<KubernetesStatus>, string, string | undefined]>([
    [
      'of a typed patch',
      { message: `${TYPED}.spec.replicas: expected numeric, got string` },
      '.spec.replicas: expected numeric, got string',
      '.spec.replicas',
    ],
    [
      'of several fields at once',
      {
        message: `${TYPED}errors:\n  .spec.foo: field not declared in schema\n  .spec.template.spec.containers[name="a: b"].image: expected string, got &value.valueUnstructured{Value:5}`,
      },
      '.spec.foo: field not declared in schema\n.spec.template.spec.containers[name="a: b"].image: expected string, got number',
      '.spec.foo',
    ],
    [
      'with structured causes',
      {
        message: 'Deployment.apps "web" is invalid: spec.selector: Invalid value: {}: field is immutable',
        causes: [{ field: 'spec.selector', message: 'Invalid value: {}: field is immutable' }],
      },
      'spec.selector: Invalid value: {}: field is immutable',
      'spec.selector',
    ],
    ['of the decoder', { message: DECODED }, '.spec.replicas: expected int32, got string', '.spec.replicas'],
    [
      'of an unknown field',
      { message: 'strict decoding error: unknown field "spec.replica"' },
      '.spec.replica: unknown field',
      '.spec.replica',
    ],
    [
      'of no field at all',
      { message: 'deployments.apps "web" is forbidden: quota' },
      'deployments.apps "web" is forbidden: quota',
      undefined,
    ],
  ])('%s says the field first', (_what, status, message, field) => {
    expect(refusal('Deployment', status)).toMatchObject({ message });
    expect(refusal('Deployment', status).field).toBe(field);
  });

  it.each<[string, Partial<KubernetesStatus>, string]>([
    [
      'a cause that quotes it',
      { causes: [{ field: 'data[password]', message: 'Invalid value: "hunter2"' }] },
      'data[password]: the server refused it',
    ],
    [
      'a value of a wrong type',
      { message: `${TYPED}.stringData.password: expected string, got &value.valueUnstructured{Value:8675309}` },
      '.stringData.password: expected string, got number',
    ],
    ['a message alone', { message: 'admission webhook "x" denied hunter2' }, 'the server refused it'],
    [
      'the decoder',
      { message: 'json: cannot unmarshal number 8675309 into Go struct field Secret.data of type string' },
      '.data: expected string, got number',
    ],
  ])('shows no value of a Secret from %s', (_what, status, message) => {
    expect(refusal('Secret', status).message).toBe(message);
  });

  it.each([
    ['the field itself', 'spec.replicas', 'Invalid value: "1k"', 'the server refused it'],
    ['a field above', 'spec', 'Invalid value: {"replicas":1000}', 'the server refused it'],
    ['the field, of its type only', '.spec.replicas', 'expected numeric, got string', 'expected numeric, got string'],
  ])('quotes no value of a Secret that a variable filled in: %s', (_what, field, message, told) => {
    const sent = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web' },
      spec: { replicas: 1000 },
      [FILLED_FIELDS]: [
        {
          path: ['spec', 'replicas'],
          variables: ['PIN'],
          template: '${PIN}',
          isKey: false,
          isRetyped: true,
          isSecret: true,
        },
      ],
    };

    expect(refusal('Deployment', { causes: [{ field, message }] }, sent).message).toBe(
      `${field}: ${told}; what variable PIN filled in is not shown`,
    );
    const elsewhere = { causes: [{ field: 'spec.paused', message: 'Invalid value: 1' }] };
    expect(refusal('Deployment', elsewhere, sent).message).toBe('spec.paused: Invalid value: 1');
  });

  it('is found in time in whatever a server says', () => {
    const long = `${TYPED}errors:\n${'  .a: '.repeat(200_000)}`;

    expect(refusal('Deployment', { message: long }).message.length).toBeLessThanOrEqual(long.length);
  });
});
