import { describe, expect, it } from 'vitest';

import { assessHealth } from '#shared/kubernetes/health/assess-health.ts';
import { LIVE_SITUATIONS } from '#test/fixtures/live-objects.ts';

const NOW = Date.parse('2026-11-27T12:00:00Z');

function rollout(observedGeneration: unknown) {
  return {
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'Rollout',
    metadata: { name: 'it', generation: 2 },
    status: { observedGeneration },
  };
}

function unscheduledPod(creationTimestamp: string) {
  const conditions = [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable' }];
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'it', creationTimestamp },
    status: { phase: 'Pending', conditions },
  };
}

describe('health', () => {
  it.each(LIVE_SITUATIONS)('of %s is told right', (_what, live, status) => {
    const health = assessHealth(live, NOW);

    expect(health.status).toBe(status);
    expect(health.message).not.toBe('');
  });

  it.each([
    ['of this generation', '2', 'Current'],
    ['of an older generation', '1', 'InProgress'],
    ['of a generation with as many digits as there are', '9223372036854775807', 'InProgress'],
    ['of no generation', '5f8b9c7d', 'Unknown'],
    ['of a generation in hexadecimal', '0x2', 'Unknown'],
    ['that is empty', '', 'Unknown'],
  ])('reads an observed generation written as a text %s', (_what, observed, status) => {
    expect(assessHealth(rollout(observed), NOW).status).toBe(status);
  });

  it('says what it could not read, and never what stood there', () => {
    const { message } = assessHealth(rollout('canary'), NOW);

    expect(message).toBe('.status.observedGeneration is a text, not a whole number');
  });

  it('gives the scheduler 15 seconds to find a node', () => {
    const pod = unscheduledPod('2026-11-27T12:00:00Z');

    expect(assessHealth(pod, NOW + 14_999).status).toBe('InProgress');
    expect(assessHealth(pod, NOW + 15_000).status).toBe('Failed');
  });
});
