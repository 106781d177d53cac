import { assert as check, property, string } from 'fast-check';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import {
  compareBundles,
  judgeEnds,
  readCertificateBundle,
  warnOfEksBundle,
  warnOfKubeconfigBundle,
} from '#shared/settings/certificate-bundle.ts';
import { sampleSize } from '#test/sample-size.ts';

const DAY_MS = 86_400_000;
const [OUTGOING, SUCCESSOR, OTHER] = ['outgoing', 'successor', 'other'].map(readPem) as [string, string, string];
const LONG_BEFORE = Date.parse('2030-01-01T00:00:00Z');
const END = endOf(OUTGOING);

function readPem(name: string): string {
  return readFileSync(join(import.meta.dirname, '../../fixtures/certificates', `${name}.pem`), 'utf8');
}

function bundle(...certificates: readonly string[]): string {
  return Buffer.from(certificates.join('')).toString('base64');
}

function endOf(pem: string): number {
  return readCertificateBundle(bundle(pem))[0]?.notAfter ?? Number.NaN;
}

describe('the certificates of a bundle', () => {
  it('are all read, each with its end', () => {
    const read = readCertificateBundle(bundle(OUTGOING, SUCCESSOR));

    expect(read.map(({ subject }) => subject)).toEqual(['CN=kubernetes', 'CN=kubernetes']);
    expect(new Date(read[0]?.notAfter ?? 0).toISOString().slice(0, 4)).toBe('2036');
    expect(new Date(read[1]?.notAfter ?? 0).toISOString().slice(0, 4)).toBe('2046');
  });

  it.each(['', 'AAAA', bundle('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'), '*'])(
    'are none in what holds none: %j',
    (text) => {
      expect(readCertificateBundle(text)).toEqual([]);
    },
  );

  it('are read of any text without a failure', () => {
    check(
      property(string(), (text) => {
        expect(readCertificateBundle(bundle(text))).toEqual([]);
        expect(readCertificateBundle(text)).toEqual([]);
      }),
      { seed: 16, numRuns: sampleSize(100, 10_000) },
    );
  });
});

describe('the bundle of the settings beside that of EKS', () => {
  it.each([
    ['is the same', bundle(OUTGOING), bundle(OUTGOING), 'same'],
    ['is the same in another order', bundle(OUTGOING, SUCCESSOR), bundle(SUCCESSOR, OUTGOING), 'same'],
    ['is the same with other line ends', bundle(OUTGOING), bundle(OUTGOING.replaceAll('\n', '\r\n')), 'same'],
    ['lacks the successor', bundle(OUTGOING), bundle(OUTGOING, SUCCESSOR), 'outdated'],
    ['still has what was given up', bundle(OUTGOING, SUCCESSOR), bundle(SUCCESSOR), 'surplus'],
    ['missed a rotation, and a second one began', bundle(OUTGOING, SUCCESSOR), bundle(SUCCESSOR, OTHER), 'outdated'],
    ['is of another cluster', bundle(OUTGOING), bundle(OTHER), 'other'],
    ['is no certificate', 'AAAA', bundle(OTHER), 'other'],
    ['has nothing beside it', bundle(OUTGOING), '', 'other'],
  ])('%s', (_words, ofSettings, ofEks, outcome) => {
    expect(compareBundles(ofSettings, ofEks).outcome).toBe(outcome);
  });
});

describe('the end of a certificate authority', () => {
  it.each([
    ['is 89 days away, without a successor', [OUTGOING], END - 89 * DAY_MS, /^ends on 2036-.*no successor; .*create/u],
    ['is 89 days away, with a successor', [OUTGOING, SUCCESSOR], END - 89 * DAY_MS, /^one ends on 2036-.*until 2046-/u],
    ['is over, with a successor', [OUTGOING, SUCCESSOR], END + DAY_MS, /^one ends on 2036-/u],
    ['is over', [OUTGOING], END + DAY_MS, /^ended on 2036-.*not trusted any more/u],
  ])('%s', (_words, certificates, now, says) => {
    const verdict = judgeEnds(readCertificateBundle(bundle(...certificates)), now);

    expect(verdict?.message).toMatch(says);
    expect(verdict?.severity).toBe(certificates.length > 1 ? 'warning' : 'problem');
  });

  it.each([
    ['far', LONG_BEFORE],
    ['91 days', END - 91 * DAY_MS],
  ])('is nothing to speak of while it is away: %s', (_words, now) => {
    expect(judgeEnds(readCertificateBundle(bundle(OUTGOING)), now)).toBeUndefined();
  });
});

describe('what is trusted, without asking anybody', () => {
  it.each([
    [
      'ends within 90 days',
      [OUTGOING],
      END - 90 * DAY_MS,
      / production ends on 2036-11-25, and no successor is trusted;/u,
    ],
    ['ended', [OUTGOING], END, / production ended on 2036-11-25;/u],
    ['ended, as did its successor', [OUTGOING, SUCCESSOR], endOf(SUCCESSOR), / production ended on 2046-11-23;/u],
  ])('is warned of when it %s, with what a person does', (_words, certificates, now, says) => {
    const base64 = bundle(...certificates);

    expect(warnOfEksBundle('production', base64, now)).toMatch(says);
    expect(warnOfEksBundle('production', base64, now)).toContain(
      'run `tidegate cluster refresh production`, and deploy',
    );
    expect(warnOfKubeconfigBundle('production', base64, now)).toMatch(says);
    expect(warnOfKubeconfigBundle('production', base64, now)).toMatch(/into the kubeconfig, and start serve again$/u);
  });

  it.each([
    ['its end is further away', bundle(OUTGOING), END - 90 * DAY_MS - 1],
    ['a successor is trusted', bundle(OUTGOING, SUCCESSOR), END + DAY_MS],
    ['there is no certificate in it', 'AAAA', END],
    ['there is nothing', '', END],
  ])('is not warned of while %s', (_words, base64, now) => {
    expect(warnOfEksBundle('production', base64, now)).toBeUndefined();
    expect(warnOfKubeconfigBundle('production', base64, now)).toBeUndefined();
  });
});
