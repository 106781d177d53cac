import { describe, expect, it } from 'vitest';

import { findConcerns } from '#shared/notify/find-concerns.ts';
import type { Condition, StatusRecord } from '#shared/records/journal-record.ts';

function condition(type: Condition['type'], status: Condition['status'], reason: string): Condition {
  return { type, status, reason, message: 'm', lastTransitionTime: 0 };
}

const notReady = (reason: string): Condition => condition('Ready', 'False', reason);
const stalled = (reason: string): readonly Condition[] => [notReady(reason), condition('Stalled', 'True', reason)];

function status(kind: string, conditions: readonly Condition[], more: Partial<StatusRecord> = {}): StatusRecord {
  const object = { cluster: 'production', kind, namespace: kind === 'Cluster' ? '' : 'flux-system', name: 'x' };
  return { type: 'Status', object, conditions, suspended: false, observedAt: 0, details: {}, ...more };
}

describe('what waits for a person, whose count the alarm of a cluster watches', () => {
  it.each<[string, StatusRecord, number]>([
    ['a cluster that refuses the credentials', status('Cluster', [notReady('AuthenticationFailed')]), 1],
    ['a cluster that does not answer', status('Cluster', [notReady('ApiServerUnreachable')]), 1],
    ['a source whose secret or key is wrong', status('GitRepository', stalled('AuthenticationFailed')), 1],
    ['an automation whose App lacks a permission', status('ImageUpdateAutomation', stalled('AuthenticationFailed')), 1],
    ['a registry that refuses', status('ImageRepository', [notReady('AuthenticationFailed')]), 1],
    ['a Kustomization with a field that is not supported', status('Kustomization', stalled('UnsupportedKind')), 1],
    ['one that is not healthy', status('Kustomization', [notReady('HealthCheckFailed')]), 1],
    ['one that waits for another', status('Kustomization', [notReady('DependencyNotReady')]), 0],
    ['a rollout under way', status('Kustomization', [notReady('Progressing')]), 0],
    ["what waits for the end of GitHub's limit", status('GitRepository', [notReady('RateLimited')]), 0],
    ['what is suspended', status('Kustomization', stalled('BuildFailed'), { suspended: true }), 0],
    ['what is ready', status('Kustomization', [condition('Ready', 'True', 'ReconciliationSucceeded')]), 0],
  ])('%s', (_what, record, count) => {
    expect(findConcerns(record)).toHaveLength(count);
  });
});
