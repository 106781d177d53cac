import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { pathInObject } from '#shared/kubernetes/path-in-object.ts';
import { sampleSize } from '#test/sample-size.ts';

const OBJECT = {
  data: { 'a.b': 'x' },
  spec: {
    ports: [{ port: 80 }, { port: 81, protocol: 'UDP' }],
    containers: [{ name: 'web' }, { name: 'side: "car"' }],
  },
};

describe('the path of a field in a server’s words', () => {
  it.each<[string, readonly (string | number)[]]>([
    ['.spec.replicas', ['spec', 'replicas']],
    ['spec.ports[1].port', ['spec', 'ports', 1, 'port']],
    ['.spec.ports[port=81,protocol="UDP"].port', ['spec', 'ports', 1, 'port']],
    ['.spec.ports[port=80,protocol="TCP"].port', ['spec', 'ports', 0, 'port']],
    ['.spec.containers[name="web"].image', ['spec', 'containers', 0, 'image']],
    ['.spec.containers[name="gone"].image', ['spec', 'containers']],
    ['data[a.b]', ['data', 'a.b']],
    ['', []],
  ])('%s is %j', (text, path) => {
    expect(pathInObject(text, OBJECT)).toEqual(path);
  });

  it('is read from any text without harm', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('.', '[', ']', '"', '\\', 'a', '=', ',', '0') }), (text) => {
        expect(pathInObject(text, OBJECT).length).toBeLessThanOrEqual(64);
      }),
      { seed: 42, numRuns: sampleSize(500, 20_000) },
    );
    expect(pathInObject(`a${'[b='.repeat(100_000)}`, OBJECT)).toEqual(['a']);
    expect(pathInObject(`a[${'"x"y'.repeat(100_000)}`, OBJECT)).toEqual(['a']);
  });
});
