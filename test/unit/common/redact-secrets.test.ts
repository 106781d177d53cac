import { describe, expect, it } from 'vitest';

import { createJsonLogger } from '#shared/adapters/log/json-logger.ts';
import { createTextLogger } from '#shared/adapters/log/text-logger.ts';
import { looksLikeSecret, redactFields, redactText } from '#shared/common/redact-secrets.ts';

const SECRETS = [
  `ghp_${'a1B2'.repeat(9)}`,
  `ghs_${'a1B2'.repeat(9)}`,
  `github_pat_${'a1B2'.repeat(9)}`,
  `eyJhbGciOiJSUzI1NiJ9.${'e30'.repeat(9)}.c2ln`,
  `k8s-aws-v1.${'aHR0'.repeat(9)}`,
  `-----BEGIN RSA PRIVATE KEY-----\nMIIE${'abcd'.repeat(9)}\n-----END RSA PRIVATE KEY-----`,
  `sha256=${'0f'.repeat(32)}`,
];

describe('redactText', () => {
  it.each(SECRETS)('takes out %s wherever it stands', (secret) => {
    expect(redactText(`before ${secret} after`)).toBe('before [redacted] after');
    expect(looksLikeSecret(`"${secret}"`)).toBe(true);
  });

  it.each([
    ['authorization: Bearer abcdefghijklmnop', 'authorization: Bearer [redacted]'],
    ['https://me:hunter2@github.com/a/b', 'https://[redacted]@github.com/a/b'],
    ['the secret is swordfish', 'the secret is [redacted]'],
    ['main@sha1:0123456789012345678901234567890123456789', 'main@sha1:0123456789012345678901234567890123456789'],
    [`digest sha256:${'0f'.repeat(32)}`, `digest sha256:${'0f'.repeat(32)}`],
    ['a token of the user', 'a token of the user'],
  ])('makes of %j %j', (text, expected) => {
    expect(redactText(text, ['swordfish'])).toBe(expected);
  });

  it('is quick with a megabyte of anything', () => {
    const started = performance.now();

    for (const text of ['-----BEGIN ', 'eyJ', 'a://', 'ghp_', 'Bearer ', 'x']) {
      redactText(text.repeat(1_000_000 / text.length));
    }

    expect(performance.now() - started).toBeLessThan(5_000);
  });
});

describe('redactFields', () => {
  it('shows nothing of a field that is named for a secret, at any depth', () => {
    const fields = {
      cluster: 'laptop',
      webhookSecret: 'x1',
      nested: { password: 'x2', list: [{ privateKey: 'x3' }], Authorization: 'x4', installationToken: 'x5' },
      error: new Error('at https://u:x6@host'),
      bytes: Buffer.from('x7'),
    };

    const shown = JSON.stringify(redactFields(fields));

    expect(shown).toContain('laptop');
    expect(shown).not.toMatch(/x\d/u);
  });
});

describe('loggers', () => {
  it.each(['json', 'text'] as const)('write %s lines without secrets, one a message', (format) => {
    let written = '';
    const options = {
      level: 'debug' as const,
      knownSecrets: ['swordfish'],
      now: () => 0,
      write: (text: string) => {
        written += text;
      },
    };
    const log = format === 'json' ? createJsonLogger(options) : createTextLogger({ ...options, color: false });

    log
      .child({ cluster: 'laptop' })
      .warn('swordfish\nin the message', { reason: `${SECRETS[0]}\nswordfish`, token: 'x' });

    expect(written.split('\n')).toHaveLength(2);
    expect(written).toContain('laptop');
    expect(written).not.toContain('swordfish');
    expect(written).not.toContain(SECRETS[0]);
  });

  it('leave out what is below their level', () => {
    let written = '';
    const log = createJsonLogger({ level: 'warn', knownSecrets: [], now: () => 0, write: (text) => (written += text) });

    log.info('quiet');
    log.error('loud');

    expect(JSON.parse(written)).toMatchObject({ level: 'error', message: 'loud', time: '1970-01-01T00:00:00.000Z' });
  });
});
