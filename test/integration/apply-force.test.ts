import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import type { ApplyOutcome } from '#shared/engine/model/apply-request.ts';
import type { Discovery } from '#shared/kubernetes/discovery.ts';
import { findResource } from '#shared/kubernetes/group-kind.ts';
import { parseApiVersion, type KubernetesObject } from '#shared/kubernetes/kubernetes-object.ts';
import { PRUNE_ANNOTATION } from '#shared/kubernetes/names.ts';

import {
  deployment,
  install,
  namespace,
  outcomeOf,
  rendered,
  startApplyFixture,
  type ApplyFixture,
} from './apply-fixture.ts';

type Fields = Readonly<Record<string, unknown>>;

/** A kind, what is applied first and then, and the field that makes the server refuse the change. */
type Case = readonly [what: string, apiVersion: string, kind: string, before: Fields, after: Fields, field: string];

const NS = 'forced';
const CLUSTER_SCOPED = new Set([
  'CSIDriver',
  'CSINode',
  'ClusterRoleBinding',
  'IngressClass',
  'PersistentVolume',
  'PriorityClass',
  'ResourceSlice',
  'RuntimeClass',
  'ServiceCIDR',
  'StorageClass',
  'VolumeAttachment',
  'VolumeAttributesClass',
]);

const HOLDING_DATA = new Set(['PersistentVolumeClaim', 'PersistentVolume']);

const spec = (fields: Fields) => ({ spec: fields });
const podSpec = (image: string, more: Fields = {}) => ({ containers: [{ name: 'app', image, ...more }] });
const workload = (label: string, more: Fields = {}) =>
  spec({
    replicas: 0,
    selector: { matchLabels: { app: label } },
    template: { metadata: { labels: { app: label } }, spec: podSpec('app:1') },
    ...more,
  });
const daemons = (label: string) => {
  const { replicas: _, ...rest } = workload(label).spec;
  const template = {
    metadata: { labels: { app: label } },
    spec: { ...podSpec('app:1'), nodeSelector: { no: 'where' } },
  };
  return spec({ ...rest, template });
};
const job = (image: string, more: Fields = {}) =>
  spec({ template: { spec: { ...podSpec(image), restartPolicy: 'Never', nodeSelector: { no: 'where' } } }, ...more });
const claim = (storage: string, more: Fields = {}) =>
  spec({ accessModes: ['ReadWriteOnce'], storageClassName: 'none', resources: { requests: { storage } }, ...more });
const volume = (server: string, more: Fields = {}) =>
  spec({ capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], nfs: { server, path: '/' }, ...more });
const port = { ports: [{ port: 80 }] };
const roleRef = (name: string) => ({
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
  subjects: [],
});
const device = (deviceClassName: string) => ({ devices: { requests: [{ name: 'a', exactly: { deviceClassName } }] } });
const slice = (driver: string) =>
  spec({ driver, nodeName: 'n', pool: { name: 'a', resourceSliceCount: 1, generation: 1 } });
const attachment = (attacher: string) => spec({ attacher, nodeName: 'n', source: { persistentVolumeName: 'v' } });
const frozen = (fields: Fields) => ({ immutable: true, ...fields });
const STORAGE = 'storage.k8s.io/v1';
const RBAC = 'rbac.authorization.k8s.io/v1';
const TIDE = ['example.com/v1', 'Tide'] as const;

const RECREATED: readonly Case[] = [
  [
    'clusterIP',
    'v1',
    'Service',
    spec({ ...port, clusterIP: '10.96.0.77' }),
    spec({ ...port, clusterIP: '10.96.0.78' }),
    'spec.clusterIPs[0]',
  ],
  ['clusterIP given up', 'v1', 'Service', spec(port), spec({ ...port, clusterIP: 'None' }), 'spec.clusterIPs[0]'],
  [
    'load balancer class',
    'v1',
    'Service',
    spec({ ...port, type: 'LoadBalancer', allocateLoadBalancerNodePorts: false, loadBalancerClass: 'a.b/c' }),
    spec({ ...port, type: 'LoadBalancer', allocateLoadBalancerNodePorts: false, loadBalancerClass: 'a.b/d' }),
    'spec.loadBalancerClass',
  ],
  ['selector', 'apps/v1', 'Deployment', workload('a'), workload('b'), 'spec.selector'],
  ['selector', 'apps/v1', 'DaemonSet', daemons('a'), daemons('b'), 'spec.selector'],
  ['selector', 'apps/v1', 'ReplicaSet', workload('a'), workload('b'), 'spec.selector'],
  [
    'selector',
    'apps/v1',
    'StatefulSet',
    workload('a', { serviceName: 'a' }),
    workload('b', { serviceName: 'a' }),
    'spec',
  ],
  [
    'serviceName',
    'apps/v1',
    'StatefulSet',
    workload('a', { serviceName: 'a' }),
    workload('a', { serviceName: 'b' }),
    'spec',
  ],
  [
    'claim templates',
    'apps/v1',
    'StatefulSet',
    workload('a', { serviceName: 'a', volumeClaimTemplates: [{ metadata: { name: 'v' }, ...claim('1Gi') }] }),
    workload('a', { serviceName: 'a', volumeClaimTemplates: [{ metadata: { name: 'v' }, ...claim('2Gi') }] }),
    'spec',
  ],
  ['data', 'apps/v1', 'ControllerRevision', { revision: 1, data: { a: 1 } }, { revision: 1, data: { a: 2 } }, 'data'],
  ['template', 'batch/v1', 'Job', job('app:1'), job('app:2'), 'spec.template'],
  [
    'completions',
    'batch/v1',
    'Job',
    job('app:1', { completions: 1 }),
    job('app:1', { completions: 2 }),
    'spec.completions',
  ],
  [
    'completion mode',
    'batch/v1',
    'Job',
    job('app:1', { completions: 1 }),
    job('app:1', { completions: 1, completionMode: 'Indexed' }),
    'spec.completionMode',
  ],
  [
    'manager',
    'batch/v1',
    'Job',
    job('app:1', { managedBy: 'a.b/c' }),
    job('app:1', { managedBy: 'a.b/d' }),
    'spec.managedBy',
  ],
  [
    'command',
    'v1',
    'Pod',
    spec({ ...podSpec('app:1'), nodeSelector: { no: 'where' } }),
    spec({ ...podSpec('app:1', { command: ['x'] }), nodeSelector: { no: 'where' } }),
    'spec',
  ],
  ['role', RBAC, 'RoleBinding', roleRef('view'), roleRef('edit'), 'roleRef'],
  ['role', RBAC, 'ClusterRoleBinding', roleRef('view'), roleRef('edit'), 'roleRef'],
  [
    'parameters',
    STORAGE,
    'StorageClass',
    { provisioner: 'a', parameters: { type: 'a' } },
    { provisioner: 'a', parameters: { type: 'b' } },
    'parameters',
  ],
  ['provisioner', STORAGE, 'StorageClass', { provisioner: 'a' }, { provisioner: 'b' }, 'provisioner'],
  [
    'reclaim policy',
    STORAGE,
    'StorageClass',
    { provisioner: 'a' },
    { provisioner: 'a', reclaimPolicy: 'Retain' },
    'reclaimPolicy',
  ],
  [
    'binding mode',
    STORAGE,
    'StorageClass',
    { provisioner: 'a' },
    { provisioner: 'a', volumeBindingMode: 'WaitForFirstConsumer' },
    'volumeBindingMode',
  ],
  [
    'parameters',
    STORAGE,
    'VolumeAttributesClass',
    { driverName: 'a.b', parameters: { type: 'a' } },
    { driverName: 'a.b', parameters: { type: 'b' } },
    'parameters',
  ],
  [
    'driver',
    STORAGE,
    'VolumeAttributesClass',
    { driverName: 'a.b', parameters: { type: 'a' } },
    { driverName: 'a.c', parameters: { type: 'a' } },
    'driverName',
  ],
  ['class', 'v1', 'PersistentVolumeClaim', claim('1Gi'), claim('1Gi', { storageClassName: 'other' }), 'spec'],
  [
    'access modes',
    'v1',
    'PersistentVolumeClaim',
    claim('1Gi'),
    claim('1Gi', { accessModes: ['ReadWriteMany'] }),
    'spec',
  ],
  ['volume mode', 'v1', 'PersistentVolumeClaim', claim('1Gi'), claim('1Gi', { volumeMode: 'Block' }), 'spec'],
  ['size, unbound', 'v1', 'PersistentVolumeClaim', claim('1Gi'), claim('2Gi'), 'spec'],
  ['source', 'v1', 'PersistentVolume', volume('a'), volume('b'), 'spec.persistentvolumesource'],
  ['volume mode', 'v1', 'PersistentVolume', volume('a'), volume('a', { volumeMode: 'Block' }), 'volumeMode'],
  ['frozen data', 'v1', 'Secret', frozen({ data: { a: 'YQ==' } }), frozen({ data: { a: 'Yg==' } }), 'data'],
  [
    'type',
    'v1',
    'Secret',
    { type: 'Opaque', data: { a: 'YQ==' } },
    { type: 'example.com/x', data: { a: 'YQ==' } },
    'type',
  ],
  ['frozen data', 'v1', 'ConfigMap', frozen({ data: { a: 'a' } }), frozen({ data: { a: 'b' } }), 'data'],
  [
    'frozen bytes',
    'v1',
    'ConfigMap',
    frozen({ binaryData: { a: 'YQ==' } }),
    frozen({ binaryData: { a: 'Yg==' } }),
    'binaryData',
  ],
  [
    'being frozen',
    'v1',
    'ConfigMap',
    frozen({ data: { a: 'a' } }),
    { immutable: false, data: { a: 'a' } },
    'immutable',
  ],
  [
    'scopes',
    'v1',
    'ResourceQuota',
    spec({ hard: { pods: '99' }, scopes: ['Terminating'] }),
    spec({ hard: { pods: '99' }, scopes: ['NotTerminating'] }),
    'spec.scopes',
  ],
  [
    'controller',
    'networking.k8s.io/v1',
    'IngressClass',
    spec({ controller: 'a.b/c' }),
    spec({ controller: 'a.b/d' }),
    'spec.controller',
  ],
  [
    // Parts of the server's own range: Kubernetes keeps a ServiceCIDR that alone covers the address of a Service, and
    // any Service here may be given an address of a range beside it.
    'ranges',
    'networking.k8s.io/v1',
    'ServiceCIDR',
    spec({ cidrs: ['10.96.110.0/24'] }),
    spec({ cidrs: ['10.96.111.0/24'] }),
    'spec.cidrs[0]',
  ],
  [
    'attachment',
    STORAGE,
    'CSIDriver',
    spec({ attachRequired: true }),
    spec({ attachRequired: false }),
    'spec.attachedRequired',
  ],
  [
    'lifecycles',
    STORAGE,
    'CSIDriver',
    spec({ volumeLifecycleModes: ['Persistent'] }),
    spec({ volumeLifecycleModes: ['Ephemeral'] }),
    'spec.volumeLifecycleModes',
  ],
  [
    'drivers',
    STORAGE,
    'CSINode',
    spec({ drivers: [{ name: 'a', nodeID: 'a' }] }),
    spec({ drivers: [{ name: 'a', nodeID: 'b' }] }),
    'spec.drivers',
  ],
  ['spec', STORAGE, 'VolumeAttachment', attachment('a'), attachment('b'), 'spec'],
  ['value', 'scheduling.k8s.io/v1', 'PriorityClass', { value: 1 }, { value: 2 }, 'value'],
  [
    'preemption',
    'scheduling.k8s.io/v1',
    'PriorityClass',
    { value: 1 },
    { value: 1, preemptionPolicy: 'Never' },
    'preemptionPolicy',
  ],
  ['handler', 'node.k8s.io/v1', 'RuntimeClass', { handler: 'a' }, { handler: 'b' }, 'handler'],
  [
    'address type',
    'discovery.k8s.io/v1',
    'EndpointSlice',
    { addressType: 'IPv4', endpoints: [] },
    { addressType: 'IPv6', endpoints: [] },
    'addressType',
  ],
  ['devices', 'resource.k8s.io/v1', 'ResourceClaim', spec(device('a')), spec(device('b')), 'spec'],
  [
    'devices',
    'resource.k8s.io/v1',
    'ResourceClaimTemplate',
    spec({ spec: device('a') }),
    spec({ spec: device('b') }),
    'spec',
  ],
  ['driver', 'resource.k8s.io/v1', 'ResourceSlice', slice('a.b'), slice('a.c'), 'spec.driver'],
  ['"Value is immutable"', ...TIDE, spec({ value: 'a' }), spec({ value: 'b' }), 'spec.value'],
  ['"once is immutable once set"', ...TIDE, spec({ once: 'a' }), spec({ once: 'b' }), 'spec.once'],
  ['"volumeSnapshotClassName is immutable"', ...TIDE, spec({ source: 'a' }), spec({ source: 'b' }), 'spec.source'],
  ['"it cannot be changed"', ...TIDE, spec({ changed: 'a' }), spec({ changed: 'b' }), 'spec.changed'],
  ['a rule without a message', ...TIDE, spec({ plain: 'a' }), spec({ plain: 'b' }), 'spec.plain'],
  [
    'a policy that says "data.policy is immutable"',
    'v1',
    'ConfigMap',
    { data: { policy: 'a' } },
    { data: { policy: 'b' } },
    'data.policy',
  ],
];

/** The same, and what the server says; such an object stays. */
const REFUSED: readonly Case[] = [
  [
    'a typing error',
    'v1',
    'ConfigMap',
    { data: { a: 'a' } },
    { data: { a: { b: 'field is immutable' } } },
    'expected string',
  ],
  [
    'a typing error in a frozen object',
    'v1',
    'ConfigMap',
    frozen({ data: { a: 'a' } }),
    frozen({ data: { a: 1 } }),
    'expected string',
  ],
  [
    'a required field that is missing',
    'apps/v1',
    'Deployment',
    workload('a'),
    workload('a', { template: { metadata: { labels: { app: 'a' } }, spec: { containers: [{ name: 'app' }] } } }),
    'Required value',
  ],
  [
    'an immutable field and another fault',
    'apps/v1',
    'Deployment',
    workload('a'),
    workload('a', { selector: { matchLabels: { app: 'b' } } }),
    'does not match template',
  ],
  ['a value out of range', ...TIDE, spec({ limit: 1 }), spec({ limit: 99 }), 'more than 9'],
  [
    'a value that must be one that is immutable',
    ...TIDE,
    spec({ tag: 'immutable' }),
    spec({ tag: 'latest' }),
    'a tag that is immutable',
  ],
  [
    'a value that holds the words',
    ...TIDE,
    spec({ tag: 'immutable' }),
    spec({ tag: ': field is immutable' }),
    'a tag that is immutable',
  ],
  [
    'an immutable field and a value out of range',
    ...TIDE,
    spec({ value: 'a' }),
    spec({ value: 'b', limit: 99 }),
    'Value is immutable',
  ],
  [
    'a policy about immutable tags',
    'v1',
    'ConfigMap',
    { data: { other: 'a' } },
    { data: { other: 'b' } },
    'images of immutable tags only',
  ],
  ['a policy that forbids it', 'v1', 'ConfigMap', { data: { third: 'a' } }, { data: { third: 'b' } }, 'ask the owners'],
  ['a quota', 'v1', 'Service', spec(port), spec({ ...port, type: 'NodePort' }), 'exceeded quota'],
  [
    'an address of the wrong family',
    'v1',
    'Service',
    spec({ ...port, ipFamilies: ['IPv4'] }),
    spec({ ...port, ipFamilies: ['IPv6'] }),
    'expected an IPv6 value',
  ],
];

const nameOf = (kind: string, index: number) => `${kind.toLowerCase()}-${index}`;

function objectOf([, apiVersion, kind]: Case, name: string, fields: Fields): KubernetesObject {
  const metadata = CLUSTER_SCOPED.has(kind) ? { name } : { name, namespace: NS };
  // What holds data is recreated only where Git says so: it loses them.
  const annotations = HOLDING_DATA.has(kind) ? { annotations: { [PRUNE_ANNOTATION]: 'enabled' } } : {};
  return { apiVersion, kind, metadata: { ...metadata, ...annotations }, ...fields };
}

function rule(rule: string, message?: string) {
  return { type: 'string', 'x-kubernetes-validations': [{ rule, ...(message === undefined ? {} : { message }) }] };
}

function definition(): KubernetesObject {
  const properties = {
    value: rule('self == oldSelf', 'Value is immutable'),
    once: rule('self == oldSelf', 'once is immutable once set'),
    source: rule('self == oldSelf', 'volumeSnapshotClassName is immutable'),
    changed: rule('self == oldSelf', 'it cannot be changed'),
    plain: rule('self == oldSelf'),
    tag: rule("self == 'immutable'", 'it must be a tag that is immutable'),
    limit: {
      type: 'integer',
      'x-kubernetes-validations': [{ rule: 'self < 10', message: 'more than 9 is not allowed' }],
    },
  };
  const openAPIV3Schema = { type: 'object', properties: { spec: { type: 'object', properties } } };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'tides.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { kind: 'Tide', plural: 'tides', singular: 'tide', listKind: 'TideList' },
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema } }],
    },
  };
}

function policy(): readonly KubernetesObject[] {
  const admission = 'admissionregistration.k8s.io/v1';
  const unchanged = (key: string) =>
    `!has(object.data) || !('${key}' in object.data) || object.data.${key} == oldObject.data.${key}`;
  const resourceRules = [{ apiGroups: [''], apiVersions: ['v1'], operations: ['UPDATE'], resources: ['configmaps'] }];
  const validations = [
    { expression: unchanged('policy'), message: 'data.policy is immutable' },
    { expression: unchanged('other'), message: 'images of immutable tags only' },
    { expression: unchanged('third'), message: 'ask the owners of the immutable estate', reason: 'Forbidden' },
  ];
  return [
    {
      apiVersion: admission,
      kind: 'ValidatingAdmissionPolicy',
      metadata: { name: 'frozen' },
      spec: { matchConstraints: { resourceRules }, validations },
    },
    {
      apiVersion: admission,
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata: { name: 'frozen' },
      spec: { policyName: 'frozen', validationActions: ['Deny'] },
    },
  ];
}

const quota = objectOf(
  ['', 'v1', 'ResourceQuota', {}, {}, ''],
  'no-node-ports',
  spec({ hard: { 'services.nodeports': '0' } }),
);

let fixture: ApplyFixture;

beforeAll(async () => {
  fixture = await startApplyFixture();
});

afterAll(async () => {
  await fixture?.stop();
});

describe('force', () => {
  const all = [...RECREATED, ...REFUSED];
  const setName = (index: number) => `case-${index}`;
  const uids = new Map<number, string | undefined>();
  let outcome: ApplyOutcome;

  let discovery: Discovery;

  const readUid = async ([, apiVersion, kind]: Case, index: number) => {
    const resource = findResource(discovery, { group: parseApiVersion(apiVersion).group, kind });
    if (resource === undefined) throw new Error(`no ${kind}`);
    const namespace = CLUSTER_SCOPED.has(kind) ? '' : NS;
    return (await fixture.api.getMetadata({ resource, namespace, name: nameOf(kind, index) }))?.uid;
  };

  beforeAll(async () => {
    const base = rendered('base', [namespace(NS), definition(), quota, ...policy()]);
    const setsOf = (step: 'before' | 'after') =>
      all.map((one, index) => {
        const fields = one[step === 'before' ? 3 : 4];
        return rendered(setName(index), [objectOf(one, nameOf(one[2], index), fields)], {
          force: true,
          dependsOn: [base.id],
        });
      });
    const installation = install(fixture.api, 'force');
    const times = { deadline: Date.now() + 300_000 };
    const first = await installation.apply([base, ...setsOf('before')], times);
    const unready = first.sets.filter(({ state }) => state !== 'ready').map(({ message }) => message);
    if (unready.length > 0) throw new Error(unready.join('; '));
    discovery = await fixture.api.discover();
    for (const [index, one] of all.entries()) {
      uids.set(index, await readUid(one, index));
    }
    await vi.waitUntil(policyHolds, { timeout: 60_000 });
    outcome = await installation.apply([base, ...setsOf('after')], times);
  });

  // The server takes a while to act on a new policy.
  async function policyHolds(): Promise<boolean> {
    const index = all.findIndex(([what]) => what === 'a policy that forbids it');
    const patch = [
      'patch',
      'configmap',
      nameOf('ConfigMap', index),
      '-p',
      '{"data":{"third":"c"}}',
      '--dry-run=server',
    ];
    return fixture.cluster.kubectl(['-n', NS, ...patch]).then(
      () => false,
      (error: unknown) => String(error).includes('ask the owners'),
    );
  }

  it.each(RECREATED.map((one, index) => [one[2], one[0], index, one] as const))(
    'recreates a %s for what cannot be changed: %s',
    async (kind, _what, index, one) => {
      const { state, message, changes } = outcomeOf(outcome, setName(index));

      expect({ state, message }).toMatchObject({ state: 'ready' });
      expect(changes).toMatchObject([{ action: 'created', note: `recreated: ${one[5]} cannot be changed` }]);
      expect(await readUid(one, index), kind).not.toBe(uids.get(index));
    },
  );

  it.each(REFUSED.map((one, index) => [one[0], RECREATED.length + index, one] as const))(
    'does not recreate for %s',
    async (_what, index, one) => {
      const { failures } = outcomeOf(outcome, setName(index));

      expect(failures).toHaveLength(1);
      expect(failures[0]?.message).toContain(one[5]);
      expect(await readUid(one, index)).toBe(uids.get(index));
    },
  );

  it('is said for one object by a label or an annotation, in Git or on the object', async () => {
    const ns = 'marked';
    const mark = { 'kustomize.toolkit.fluxcd.io/force': 'Enabled' };
    const web = (name: string, label: string, metadata: Fields = {}) => ({
      ...deployment(ns, name),
      metadata: { name, namespace: ns, ...metadata },
      ...workload(label),
    });
    const step = (label: string) => [
      namespace(ns),
      web('annotated', label, { annotations: mark }),
      web('labelled', label, { labels: mark }),
      web('by-hand', label),
      web('plain', label),
    ];
    const installation = install(fixture.api, ns);
    await installation.apply([rendered(ns, step('one'))]);
    await fixture.cluster.kubectl([
      '-n',
      ns,
      'annotate',
      'deployment/by-hand',
      'kustomize.toolkit.fluxcd.io/force=enabled',
    ]);

    const { changes, failures } = outcomeOf(await installation.apply([rendered(ns, step('two'))]), ns);

    const recreated = changes.filter(({ note }) => note === 'recreated: spec.selector cannot be changed');
    expect(recreated.map(({ id }) => id.name).sort()).toEqual(['annotated', 'by-hand', 'labelled']);
    expect(failures.map(({ id }) => id.name)).toEqual(['plain']);
  });
});
