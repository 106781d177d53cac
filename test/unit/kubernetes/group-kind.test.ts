import { describe, expect, it } from 'vitest';

import type { ApiResource, Discovery } from '#shared/kubernetes/discovery.ts';
import { findResource } from '#shared/kubernetes/group-kind.ts';

function resource(group: string, version: string, kind: string): ApiResource {
  return { group, version, kind, plural: `${kind.toLowerCase()}s`, namespaced: true, verbs: ['get', 'list'] };
}

describe('a kind that a server serves', () => {
  const resources = [
    resource('', 'v1', 'Event'),
    resource('events.k8s.io', 'v1', 'Event'),
    resource('example.com', 'v2', 'Thing'),
    resource('example.com', 'v1', 'Thing'),
  ];

  it.each<[string, string, string | undefined, ApiResource | undefined]>([
    ['', 'Event', undefined, resources[0]],
    ['events.k8s.io', 'Event', undefined, resources[1]],
    ['example.com', 'Thing', undefined, resources[2]],
    ['example.com', 'Thing', 'v1', resources[3]],
    ['example.com', 'Thing', 'v3', undefined],
    ['', 'Thing', undefined, undefined],
  ])('is found by group "%s", kind %s and version %s', (group, kind, version, found) => {
    const discovery = { resources, incomplete: [], serverVersion: 'v1.36.1' };

    expect(findResource(discovery, { group, kind }, version)).toBe(found);
  });

  it('is looked up for any number of objects in one pass over what the server serves', () => {
    let passes = 0;
    const discovery: Discovery = {
      serverVersion: 'v1.36.1',
      incomplete: [],
      get resources() {
        passes += 1;
        return resources;
      },
    };

    for (let object = 0; object < 1_000; object += 1) {
      findResource(discovery, { group: 'example.com', kind: 'Thing' }, 'v1');
    }

    expect(passes).toBe(1);
  });
});
