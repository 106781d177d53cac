import { describe, expect, it } from 'vitest';

import { assessHealth } from '#shared/health/assess-health.ts';

type Fields = Readonly<Record<string, unknown>>;

function object(apiVersion: string, kind: string, spec: Fields, status: Fields, metadata: Fields = {}) {
  return { apiVersion, kind, metadata: { name: 'it', generation: 2, ...metadata }, spec, status };
}

function condition(type: string, status: string, reason = 'Because', message = 'words') {
  return { conditions: [{ type, status, reason, message }] };
}

const seen = { observedGeneration: 2 };
const rolledOut = { ...seen, replicas: 2, updatedReplicas: 2, availableReplicas: 2, readyReplicas: 2 };
const stateful = {
  ...seen,
  replicas: 2,
  readyReplicas: 2,
  updatedReplicas: 2,
  currentRevision: 'b',
  updateRevision: 'b',
};
const everywhere = {
  ...seen,
  desiredNumberScheduled: 2,
  currentNumberScheduled: 2,
  updatedNumberScheduled: 2,
  numberAvailable: 2,
  numberReady: 2,
};

const deployment = (status: Fields, spec: Fields = { replicas: 2 }) => object('apps/v1', 'Deployment', spec, status);
const statefulSet = (status: Fields, spec: Fields = {}) =>
  object('apps/v1', 'StatefulSet', { replicas: 2, ...spec }, status);
const daemonSet = (status: Fields) => object('apps/v1', 'DaemonSet', {}, status);
const job = (status: Fields) => object('batch/v1', 'Job', {}, status);
const pod = (status: Fields) => object('v1', 'Pod', {}, status);
const custom = (status: Fields, metadata: Fields = {}) => object('example.com/v1', 'Tide', {}, status, metadata);
const definition = (status: Fields) => object('apiextensions.k8s.io/v1', 'CustomResourceDefinition', {}, status);
const partitioned = { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 1 } } };

describe('health', () => {
  it.each([
    ['a Deployment whose controller has not seen it', deployment({}), 'InProgress'],
    ['a Deployment of an older generation', deployment({ ...rolledOut, observedGeneration: 1 }), 'InProgress'],
    ['a rolled out Deployment', deployment(rolledOut), 'Current'],
    ['a Deployment scaled to nothing', deployment(seen, { replicas: 0 }), 'Current'],
    [
      'a Deployment without replicas, which means one',
      deployment({ ...seen, ...rolledOut, replicas: 1 }, {}),
      'Current',
    ],
    ['a Deployment with pods to update', deployment({ ...rolledOut, updatedReplicas: 1 }), 'InProgress'],
    ['a Deployment with old pods', deployment({ ...rolledOut, replicas: 3 }), 'InProgress'],
    ['a Deployment with pods not available', deployment({ ...rolledOut, availableReplicas: 1 }), 'InProgress'],
    ['a Deployment with pods not ready', deployment({ ...rolledOut, readyReplicas: 1 }), 'InProgress'],
    [
      'a Deployment past its deadline',
      deployment({ ...rolledOut, ...condition('Progressing', 'False', 'ProgressDeadlineExceeded') }),
      'Failed',
    ],
    ['a StatefulSet that is done', statefulSet(stateful), 'Current'],
    ['a StatefulSet with a pod not ready', statefulSet({ ...stateful, readyReplicas: 1 }), 'InProgress'],
    ['a StatefulSet with a pod too many', statefulSet({ ...stateful, replicas: 3 }), 'InProgress'],
    ['a StatefulSet in the middle of an update', statefulSet({ ...stateful, updateRevision: 'c' }), 'InProgress'],
    [
      'a StatefulSet updated down to its partition',
      statefulSet({ ...stateful, updatedReplicas: 1 }, partitioned),
      'Current',
    ],
    [
      'a StatefulSet not updated down to its partition',
      statefulSet({ ...stateful, updatedReplicas: 0 }, partitioned),
      'InProgress',
    ],
    ['a StatefulSet updated by hand', statefulSet(seen, { updateStrategy: { type: 'OnDelete' } }), 'Current'],
    ['a DaemonSet on every node', daemonSet(everywhere), 'Current'],
    [
      'a DaemonSet of the old template on a node',
      daemonSet({ ...everywhere, updatedNumberScheduled: 1 }),
      'InProgress',
    ],
    ['a DaemonSet not available on a node', daemonSet({ ...everywhere, numberAvailable: 1 }), 'InProgress'],
    ['a Job that is complete', job(condition('Complete', 'True')), 'Current'],
    ['a Job that failed', job(condition('Failed', 'True')), 'Failed'],
    ['a Job that runs', job({ startTime: 'now', active: 1 }), 'InProgress'],
    ['a Job that is suspended', job(condition('Suspended', 'True')), 'Current'],
    ['a Job that has not started', job({}), 'InProgress'],
    ['a Pod that is ready', pod({ phase: 'Running', ...condition('Ready', 'True') }), 'Current'],
    ['a Pod that runs and is not ready', pod({ phase: 'Running', ...condition('Ready', 'False') }), 'InProgress'],
    ['a Pod that has succeeded', pod({ phase: 'Succeeded' }), 'Current'],
    ['a Pod that failed', pod({ phase: 'Failed' }), 'Failed'],
    ['a Pod that has no node', pod({ phase: 'Pending', ...condition('PodScheduled', 'False') }), 'InProgress'],
    ['a bound claim', object('v1', 'PersistentVolumeClaim', {}, { phase: 'Bound' }), 'Current'],
    ['a pending claim', object('v1', 'PersistentVolumeClaim', {}, { phase: 'Pending' }), 'InProgress'],
    ['a cluster-internal Service', object('v1', 'Service', { type: 'ClusterIP' }, {}), 'Current'],
    ['a load balancer without address', object('v1', 'Service', { type: 'LoadBalancer' }, {}), 'InProgress'],
    [
      'a load balancer with an address',
      object('v1', 'Service', { type: 'LoadBalancer' }, { loadBalancer: { ingress: [{ ip: '10.0.0.1' }] } }),
      'Current',
    ],
    ['an established definition', definition(condition('Established', 'True')), 'Current'],
    ['a new definition', definition({}), 'InProgress'],
    ['a definition whose names are taken', definition(condition('NamesAccepted', 'False')), 'Failed'],
    [
      'a budget with too few healthy pods',
      object('policy/v1', 'PodDisruptionBudget', {}, { ...seen, currentHealthy: 0, desiredHealthy: 1 }),
      'InProgress',
    ],
    ['a namespace', object('v1', 'Namespace', {}, { phase: 'Active' }), 'Current'],
    ['a namespace on its way out', object('v1', 'Namespace', {}, { phase: 'Terminating' }), 'Terminating'],
    [
      'a ReplicaSet with all its pods',
      object(
        'apps/v1',
        'ReplicaSet',
        { replicas: 1 },
        { ...seen, replicas: 1, fullyLabeledReplicas: 1, availableReplicas: 1 },
      ),
      'Current',
    ],
    [
      'a ReplicaSet that lacks a pod',
      object(
        'apps/v1',
        'ReplicaSet',
        { replicas: 2 },
        { ...seen, replicas: 1, fullyLabeledReplicas: 1, availableReplicas: 1 },
      ),
      'InProgress',
    ],
    ['a kind without status', object('v1', 'ConfigMap', {}, {}), 'Current'],
    ['a CronJob', object('batch/v1', 'CronJob', {}, {}), 'Current'],
    ['a custom resource that is ready', custom(condition('Ready', 'True')), 'Current'],
    ['a custom resource that is not ready', custom(condition('Ready', 'False')), 'InProgress'],
    ['a custom resource that is reconciling', custom(condition('Reconciling', 'True')), 'InProgress'],
    ['a custom resource that is stalled', custom(condition('Stalled', 'True')), 'Failed'],
    ['a custom resource its controller has not seen', custom({ observedGeneration: 1 }), 'InProgress'],
    ['anything with a deletion timestamp', custom({}, { deletionTimestamp: 'now' }), 'Terminating'],
    [
      'a status that is no object',
      { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'it' }, status: 'odd' },
      'InProgress',
    ],
  ])('of %s is told right', (_what, live, status) => {
    expect(assessHealth(live).status).toBe(status);
    expect(assessHealth(live).message).not.toBe('');
  });
});
