import { describe, expect, it } from 'vitest';

import { makeCapabilityChecks } from './capability-checks.ts';

describe('a case that needs what a stand-in lacks', () => {
  const lacks = { wings: { because: 'it is a fish', shows: /cannot fly/u } };
  const { check, unless } = makeCapabilityChecks<string, 'wings' | 'fins'>(() => Promise.resolve('fish'), lacks);
  const failing = (message: string) => (subject: string) => Promise.reject(new Error(`${subject} ${message}`));

  it('says so in its title, and no other does', () => {
    expect([unless('wings'), unless('fins')]).toEqual(['cannot show it, because it is a fish: ', '']);
  });

  it('passes while it fails in the known way', async () => {
    await expect(check(failing('cannot fly'), 'wings')).resolves.toBeUndefined();
  });

  it('fails when the stand-in has learnt it, or fails otherwise', async () => {
    await expect(check(() => Promise.resolve(), 'wings')).rejects.toThrow('"wings" works now');
    await expect(check(failing('is out of water'), 'wings')).rejects.toThrow('failed with Error: fish is out of water');
  });

  it('is a case like any other where nothing is lacked', async () => {
    await expect(check(failing('cannot fly'), 'fins')).rejects.toThrow('fish cannot fly');
    await expect(check(failing('cannot fly'))).rejects.toThrow('fish cannot fly');
  });
});
