import { describe, expect, it } from 'vitest';

import { askConsent, describeIntent } from '#demo/own-context.ts';

describe("the demo on somebody's own cluster", () => {
  it.each([
    { keep: false, end: 'and deletes them at the end' },
    { keep: true, end: 'and leaves them there (--keep)' },
  ])('says which namespaces of which cluster it makes and deletes, $end', ({ keep, end }) => {
    const intent = describeIntent('kind-dev', keep);

    expect(intent).toBe(
      `the demo creates the namespaces podinfo, cache, tidegate-system in the cluster of context "kind-dev", deletes and rebuilds podinfo and cache, ${end}`,
    );
  });

  it('takes no answer for no consent where nobody can be asked', async () => {
    await expect(askConsent('this changes a cluster of yours')).rejects.toThrow(
      'nobody is here to agree to that: run it in a terminal, or say --yes',
    );
  });
});
