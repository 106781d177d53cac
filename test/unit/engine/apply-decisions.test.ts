import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { hashValue } from '#shared/common/hash-value.ts';
import { foreignOwner } from '#shared/engine/apply/foreign-owner.ts';
import { formatRecords, parseObjectKey, parseRecords } from '#shared/engine/inventory/apply-record.ts';
import { compareForApply, stageOf } from '#shared/engine/model/apply-order.ts';
import type { DesiredSet } from '#shared/engine/model/apply-request.ts';
import { orderSets } from '#shared/engine/model/order-sets.ts';
import { immutableField } from '#shared/kubernetes/immutable-field.ts';
import { objectKey } from '#shared/kubernetes/kubernetes-object.ts';
import { normalizeObject } from '#shared/kubernetes/normalize-object.ts';
import { sampleSize } from '#test/sample-size.ts';

function invalid(...messages: readonly string[]) {
  const causes = messages.map((message, index) => ({ field: `spec.f${index}`, message }));
  return { code: 422, reason: 'Invalid', message: messages.join(), causes };
}

function denied(message: string, status: { readonly code: number; readonly reason: string } = forbidden) {
  return { ...status, message, causes: [] };
}

const GO_SYNTAX =
  'Invalid value: v1.LabelSelector{MatchLabels:map[string]string{"app":"b"}, MatchExpressions:[]v1.LabelSelectorRequirement(nil)}: field is immutable';
const forbidden = { code: 403, reason: 'Forbidden' };
const webhook = 'admission webhook "v.example.com" denied the request: ';

describe('an immutable field', () => {
  it.each([
    ['is seen in the words of the server', invalid('Invalid value: {}: field is immutable'), 'spec.f0'],
    [
      'is seen in the words for a StatefulSet',
      invalid("Forbidden: updates to statefulset spec for fields other than 'replicas' are forbidden"),
      'spec.f0',
    ],
    ['is no reason when something else is wrong too', invalid('field is immutable', 'Required value'), undefined],
    ['is not read into any other invalid object', invalid('Required value: must be set'), undefined],
    ['is not read into a conflict', { ...invalid('field is immutable'), reason: 'Conflict', code: 409 }, undefined],
    ['is not read into a refusal without causes', invalid(), undefined],
    ['is seen in a change of role', invalid('Invalid value: {"Name":"edit"}: cannot change roleRef'), 'spec.f0'],
    ['is seen with a full stop', invalid('Forbidden: updates to parameters are forbidden.'), 'spec.f0'],
    ['is seen behind a value in the words of an older server', invalid(GO_SYNTAX), 'spec.f0'],
    [
      'is seen behind a value with quotes and colons',
      invalid('Invalid value: "a\\": b": Value is immutable'),
      'spec.f0',
    ],
    ['is seen before what differs', invalid('Forbidden: spec is immutable after creation\n@@ -1 +1 @@'), 'spec.f0'],
    ['is seen in several fields at once', invalid('field is immutable', 'field is immutable'), 'spec.f0'],
    ['is seen in words of a rule', invalid('Invalid value: "b": once is immutable once set'), 'spec.f0'],
    [
      'is seen in "cannot be changed"',
      invalid('Invalid value: 2: replicas cannot be changed after creation'),
      'spec.f0',
    ],
    ['is not read into a value', invalid('Invalid value: "field is immutable": must be lower case'), undefined],
    ['is not read into a value with a colon', invalid('Invalid value: ": field is immutable": too long'), undefined],
    [
      'is not read into a value with a bracket',
      invalid('Invalid value: {"a":"}: field is immutable"}: too long'),
      undefined,
    ],
    ['is not read into what differs', invalid('Forbidden: no\n@@ field is immutable'), undefined],
    ['is not read into a wish', invalid('Invalid value: "x": must be a tag that is immutable'), undefined],
    ['is not read into what is not immutable', invalid('Invalid value: "x": tag is not immutable'), undefined],
    ['is not read into other fixed words', invalid("spec of 'exempt' must equal the fixed value"), undefined],
    ['is not read into a rule that allows some changes', invalid('failed rule: self >= oldSelf'), undefined],
    [
      'is seen in what a webhook says of a field',
      denied(`${webhook}spec.size: Forbidden: field is immutable`),
      'spec.size',
    ],
    [
      'is seen behind a value of a webhook',
      denied(`${webhook}spec.a[0].b: Invalid value: "c": Value is immutable`),
      'spec.a[0].b',
    ],
    ['is seen in a sentence of a webhook', denied(`${webhook}spec.size is immutable`), 'spec.size'],
    ['is seen in a sentence about a quoted field', denied(`${webhook}field 'spec.size' is immutable`), 'spec.size'],
    ['is not read into a webhook about images', denied(`${webhook}only immutable tags are allowed`), undefined],
    ['is not read into a webhook about anything else that is', denied(`${webhook}the release is immutable`), undefined],
    [
      'is not read into several faults of a webhook',
      denied(`${webhook}[a.b: Required value, c.d: Forbidden: field is immutable]`),
      undefined,
    ],
    [
      'is not read into a missing right',
      denied('deployments "a" is forbidden: User "b" cannot update: spec.size is immutable'),
      undefined,
    ],
    [
      'is not read into a quota',
      denied('services "a" is forbidden: exceeded quota: immutable, requested: 1'),
      undefined,
    ],
    [
      'is not read into a typing error',
      denied('spec.size: field is immutable', { code: 500, reason: 'Unknown' }),
      undefined,
    ],
  ])('%s', (_what, status, field) => {
    expect(immutableField(status)).toBe(field);
  });
});

describe('an object before it is applied', () => {
  it('has the strings of a Secret encoded, over its data', () => {
    const secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 's', namespace: 'n' },
      data: { a: 'b2xk', b: 'Yg==' },
      stringData: { a: 'new' },
    };

    expect(normalizeObject(secret, true)).toEqual({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 's', namespace: 'n' },
      data: { a: 'bmV3', b: 'Yg==' },
    });
  });

  it('loses what only the server sets, and the namespace of a cluster-scoped kind', () => {
    const role = {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: 'r', namespace: 'n', uid: 'u', resourceVersion: '1', creationTimestamp: null },
      aggregationRule: { clusterRoleSelectors: [] },
      rules: [],
      status: {},
    };

    expect(normalizeObject(role, false)).toEqual({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: 'r' },
      aggregationRule: { clusterRoleSelectors: [] },
    });
  });

  it('has the same hash whatever the order of its fields, and another for another value', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (fields) => {
        const reversed = Object.fromEntries(Object.entries(fields).toReversed());
        expect(hashValue(reversed)).toBe(hashValue(fields));
        expect(hashValue({ ...fields, added: 1 })).not.toBe(hashValue({ ...fields, added: 2 }));
      }),
      { seed: 42, numRuns: sampleSize(100, 2000) },
    );
  });
});

describe('the order of apply', () => {
  it('puts what others are made of first and admission last', () => {
    const kinds = [
      'ValidatingWebhookConfiguration',
      'Ingress',
      'Deployment',
      'ConfigMap',
      'StorageClass',
      'Namespace',
      'CustomResourceDefinition',
    ];
    const objects = kinds.map((kind) => ({ apiVersion: 'v1', kind, metadata: { name: 'it' } }));

    expect(objects.sort(compareForApply).map(({ kind }) => kind)).toEqual(
      kinds.toReversed().toSorted((a, b) => stageOf(a) - stageOf(b)),
    );
  });

  it('puts each Kustomization after those it depends on, and drops none in a cycle', () => {
    const graph = fc.array(fc.array(fc.nat({ max: 7 }), { maxLength: 3 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(graph, (edges) => {
        const sets = edges.map((targets, index) =>
          dependent(
            `k${index}`,
            targets.map((target) => `k${target}`),
          ),
        );
        const ordered = orderSets(sets).map(({ id }) => id.name);
        expect([...ordered].sort()).toEqual(sets.map(({ id }) => id.name).sort());
        const acyclic = edges.every((targets, index) => targets.every((target) => target < index));
        for (const [index, targets] of acyclic ? edges.entries() : []) {
          for (const target of targets) {
            expect(ordered.indexOf(`k${target}`)).toBeLessThan(ordered.indexOf(`k${index}`));
          }
        }
      }),
      { seed: 42, numRuns: sampleSize(200, 5000) },
    );
  });
});

function dependent(name: string, dependsOn: readonly string[]): DesiredSet {
  return {
    id: { namespace: 'flux-system', name },
    revision: 'main@sha1:1',
    settings: {
      prune: true,
      force: false,
      wait: false,
      timeoutMs: 1000,
      healthChecks: [],
      deletionPolicy: 'MirrorPrune',
      dependsOn: dependsOn.map((dependency) => ({ namespace: 'flux-system', name: dependency })),
    },
    render: { kind: 'rendered', objects: [] },
    children: [],
  };
}

describe('the owner of an object we did not make', () => {
  const base = { name: 'it', uid: 'u', resourceVersion: '1' };

  it.each([
    ['nobody', {}, /^nobody$/],
    ['nobody, for a label that charts copy around', { labels: { 'app.kubernetes.io/instance': 'x' } }, /^nobody$/],
    ['Flux', { labels: { 'kustomize.toolkit.fluxcd.io/name': 'apps' } }, /^Flux Kustomization/],
    ['Flux', { labels: { 'helm.toolkit.fluxcd.io/name': 'apps' } }, /^Flux HelmRelease/],
    ['Argo CD', { annotations: { 'argocd.argoproj.io/tracking-id': 'shop:apps/Deployment:a/b' } }, /shop$/],
    ['Helm', { annotations: { 'meta.helm.sh/release-name': 'db', 'meta.helm.sh/release-namespace': 'n' } }, /n\/db$/],
    ['another ApplySet', { labels: { 'applyset.kubernetes.io/part-of': 'theirs' } }, /^ApplySet theirs/],
  ])('is %s', (_who, metadata, owner) => {
    expect(foreignOwner({ ...base, ...metadata }) ?? 'nobody').toMatch(owner);
  });
});

describe('the records of the last apply', () => {
  const record = { uid: 'u', entry: 'e', applied: 'a', epoch: 'p', set: 'flux-system/app', revision: 'main@sha1:1' };

  it('are read back as they were written', () => {
    const book = new Map([['ns__ConfigMap_it', record]]);

    expect(parseRecords(formatRecords(book))).toEqual(book);
  });

  it.each([
    ['this cluster', 'here', 'here', 1],
    ['the cluster that had its name before', 'there', 'here', 0],
    ['nobody knows which', undefined, 'here', 1],
    ['one, and which this is nobody may see', 'there', undefined, 1],
  ])('count where they are of %s', (_what, written, read, expected) => {
    const book = new Map([['ns__ConfigMap_it', record]]);

    expect(parseRecords(formatRecords(book, written), read).size).toBe(expected);
  });

  it.each([
    ['absent', undefined],
    ['cut off', '{"version":1,"obj'],
    ['of another version', '{"version":2,"objects":{}}'],
    ['of another shape', '{"version":1,"objects":{"k":{"uid":7}}}'],
  ])('are as none when they are %s', (_what, text) => {
    expect(parseRecords(text === undefined ? undefined : new TextEncoder().encode(text))).toEqual(new Map());
  });

  it('remember whole identities', () => {
    const part = fc.stringMatching(/^[a-z][a-z0-9.-]{0,20}$/);
    fc.assert(
      fc.property(part, part, part, fc.stringMatching(/^[a-z][a-z0-9_:.-]{0,20}$/), (namespace, group, kind, name) => {
        const id = { namespace, group, kind, name };
        expect(parseObjectKey(objectKey(id))).toEqual(id);
      }),
      { seed: 42, numRuns: sampleSize(100, 2000) },
    );
  });
});
