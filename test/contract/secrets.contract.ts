import { describe, expect, it } from 'vitest';

import type { Secrets } from '#shared/ports/secrets.ts';

/** What every place of secrets does. `put` stores a text, or a secret with several keys. */
export function describeSecrets(
  name: string,
  open: () => Promise<{
    readonly secrets: Secrets;
    readonly put: (name: string, value: string | Readonly<Record<string, string>>) => Promise<void>;
  }>,
): void {
  describe(`${name} keeps secrets`, () => {
    it('reads a secret by its name, and as it is now', async () => {
      const { secrets, put } = await open();
      await put('tidegate/github/webhook-secret', 'first');
      expect(await secrets.read('tidegate/github/webhook-secret')).toBe('first');

      await put('tidegate/github/webhook-secret', 'second\nfirst');

      expect(await secrets.read('tidegate/github/webhook-secret')).toBe('second\nfirst');
    });

    it('reads a secret with several keys as JSON', async () => {
      const { secrets, put } = await open();
      await put('tidegate/laptop/flux-system/apps', { username: 'git', password: 'swordfish' });

      const value = await secrets.read('tidegate/laptop/flux-system/apps');

      expect(JSON.parse(value ?? '')).toEqual({ username: 'git', password: 'swordfish' });
    });

    it('has nothing under a name that nobody gave', async () => {
      const { secrets } = await open();

      expect(await secrets.read('tidegate/nobody/flux-system/nothing')).toBeUndefined();
    });
  });
}
