import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { createFolderSecrets } from '#shared/adapters/disk/folder-secrets.ts';

import { describeSecrets } from './secrets.contract.ts';

function openFolder(): string {
  return mkdtempSync(join(tmpdir(), 'tidegate-secrets-'));
}

function putFile(path: string, value: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${value}\n`);
}

describeSecrets('a folder', async () => {
  const folder = openFolder();
  return {
    secrets: createFolderSecrets(folder, () => undefined),
    put: async (name, value) => {
      if (typeof value === 'string') putFile(join(folder, name), value);
      else for (const [key, text] of Object.entries(value)) putFile(join(folder, name, key), text);
    },
  };
});

describe('a folder of secrets', () => {
  it.each(['../outside', '/etc/passwd', 'a/../../b', 'a//b', '', '.', 'a\0b'])('refuses the name %j', async (name) => {
    const secrets = createFolderSecrets(openFolder(), () => undefined);

    await expect(secrets.read(name)).rejects.toThrow('is no name of a secret');
  });

  it('teaches each line that it reads, so that the logs leave it out', async () => {
    const folder = openFolder();
    const learned: string[] = [];
    putFile(join(folder, 'webhook'), 'current-secret\nprevious-secret');

    await createFolderSecrets(folder, (value) => learned.push(value)).read('webhook');

    expect(learned).toEqual(expect.arrayContaining(['current-secret', 'previous-secret']));
  });

  it('refuses at once what is no file, such as a pipe that nobody writes to', async () => {
    const folder = openFolder();
    execFileSync('mkfifo', [join(folder, 'pipe')]);

    await expect(createFolderSecrets(folder, () => undefined).read('pipe')).rejects.toThrow(
      'is neither a file nor a folder',
    );
  });

  it('refuses a file too large to be a secret, without quoting it', async () => {
    const folder = openFolder();
    putFile(join(folder, 'large'), 'x'.repeat(100_000));

    await expect(createFolderSecrets(folder, () => undefined).read('large')).rejects.toThrow('allowed: 65536');
  });
});
