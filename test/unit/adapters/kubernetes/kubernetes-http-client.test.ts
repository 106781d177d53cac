import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';

import { KubernetesHttpClient } from '#shared/adapters/kubernetes/kubernetes-http-client.ts';

describe('an answer that is not JSON', () => {
  it('is refused without a word of it, for it may be a Secret', async () => {
    const server = createServer((_request, response) => response.end('{"password": hunter2}'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const client = new KubernetesHttpClient({
      server: `http://127.0.0.1:${port}`,
      credentials: async () => ({ headers: {} }),
    });
    try {
      const sent = client.send({ method: 'POST', path: '/api/v1/secrets', userAgent: 'test' });

      await expect(sent).rejects.toThrow(/got no answer: an answer of 21 characters is not JSON$/);
    } finally {
      await client.close();
      await new Promise((resolve) => server.close(resolve));
    }
  });
});
