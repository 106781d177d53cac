import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';

import { EXAMPLE_URL, pullFromPublicRegistry, readFleet, shortenIntervals } from '#demo/read-fleet.ts';

const URL = 'http://127.0.0.1:1234/acme/fleet-infra';

describe('the configuration repository of the examples', () => {
  test('lies at the address it is put at, and nowhere else', async () => {
    const files = await readFleet(URL);
    const contents = Object.values(files).join('\n');
    expect(contents).toContain(`url: ${URL}`);
    expect(contents).not.toContain(EXAMPLE_URL);
  });

  test('has intervals of seconds when it is asked to', async () => {
    const contents = Object.values(shortenIntervals(await readFleet(URL), '5s')).join('\n');
    expect(contents).toContain('interval: 5s');
    expect(contents).not.toContain('interval: 1m');
  });

  test('takes the image from where a real node can pull it, with the tag of Git', async () => {
    const image = '123456789012.dkr.ecr.eu-west-1.amazonaws.com/team-a/podinfo';
    const files = pullFromPublicRegistry(await readFleet(URL), image);
    const kustomization: unknown = parse(files['clusters/my-cluster/podinfo.yaml'] ?? '');
    const images = [{ name: image, newName: 'ghcr.io/stefanprodan/podinfo' }];
    expect(kustomization).toMatchObject({ kind: 'Kustomization', spec: { images } });
  });
});
