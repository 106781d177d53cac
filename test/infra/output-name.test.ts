import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { outputName } from '#infra/constructs/output-name.ts';
import { sampleSize } from '#test/sample-size.ts';

describe('an output of a cluster', () => {
  it.each([
    ['production', 'ReconcileRoleProduction'],
    ['prod-eu', 'ReconcileRoleProdEu'],
    ['eu-1', 'ReconcileRoleEuX1'],
    ['eu1', 'ReconcileRoleEu1'],
    ['a-x-b', 'ReconcileRoleAXxB'],
    ['a--b', 'ReconcileRoleAXB'],
    ['1st', 'ReconcileRole1st'],
  ])('%s is called after it: %s', (cluster, name) => {
    expect(outputName('ReconcileRole', cluster)).toBe(name);
  });

  it('has a name that CloudFormation allows, and that no other cluster has', () => {
    // Few letters, so that names that look alike come often.
    const names = fc.stringMatching(/^[ax1](?:[ax1-]{0,6}[ax1])?$/u);
    const property = fc.property(names, names, (one, other) => {
      const [first, second] = [outputName('Role', one), outputName('Role', other)];

      expect(first).toMatch(/^[A-Za-z0-9]{1,255}$/u);
      expect(first === second).toBe(one === other);
    });
    fc.assert(property, { seed: 27, numRuns: sampleSize(20_000, 200_000) });
  });
});
