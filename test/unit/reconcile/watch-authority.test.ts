import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { createJsonLogger } from '#shared/adapters/log/json-logger.ts';
import { openSqliteDatabase } from '#shared/adapters/sqlite/sqlite-database.ts';
import { createSqliteJournal } from '#shared/adapters/sqlite/sqlite-journal.ts';
import { findConcerns } from '#shared/notify/find-concerns.ts';
import { watchAuthority } from '#shared/reconcile/watch-authority.ts';
import { readCertificateBundle, warnOfEksBundle } from '#shared/settings/certificate-bundle.ts';
import { makeTemporaryFolder } from '#test/make-temporary-folder.ts';

const DAY_MS = 86_400_000;
const BUNDLE = readFileSync(join(import.meta.dirname, '../../fixtures/certificates/outgoing.pem'), 'base64');
const END = readCertificateBundle(BUNDLE)[0]?.notAfter ?? Number.NaN;

/** Runs as a cluster has them, each at some number of days before the end. */
function open() {
  let now = 0;
  const clock = { now: () => now, sleep: async () => undefined };
  const database = openSqliteDatabase(makeTemporaryFolder('authority'));
  const journal = createSqliteJournal(database, clock);
  const lines: string[] = [];
  const log = createJsonLogger({ level: 'warn', knownSecrets: [], now: () => now, write: (line) => lines.push(line) });
  return {
    database,
    lines,
    run: async (days: number): Promise<void> => {
      now = END - days * DAY_MS;
      await watchAuthority('production', warnOfEksBundle('production', BUNDLE, now), { journal, clock, log });
    },
    concerns: async () =>
      (await journal.list('production', 'status/')).flatMap((one) => (one.type === 'Status' ? findConcerns(one) : [])),
    reasons: async () =>
      (await journal.list('production', 'event/')).map((event) => (event.type === 'Event' ? event.reason : '')),
  };
}

describe('the certificate authority of a cluster', () => {
  it('is no concern while its end is far away', async () => {
    const { run, concerns, lines } = open();
    await run(91);

    expect([await concerns(), lines]).toEqual([[], []]);
  });

  it('is a concern from 90 days before its end, since then, and a line of the log in each run', async () => {
    const { run, concerns, reasons, lines } = open();
    for (const days of [90, 89]) await run(days);
    const told = await reasons();
    for (const days of [1, 0]) await run(days);

    expect(await concerns()).toMatchObject([
      {
        object: { cluster: 'production', kind: 'CertificateAuthority' },
        reason: 'CertificateAuthorityEnding',
        since: END - 90 * DAY_MS,
        line: expect.stringMatching(
          /cluster production ended on 2036-11-25; run `tidegate cluster refresh production`/u,
        ),
      },
    ]);
    expect(lines.map((line) => JSON.parse(line))).toMatchObject(Array.from({ length: 4 }, () => ({ level: 'warn' })));
    // Events are kept for so long: the first is of when it came near, the last of when it was over.
    expect([told, await reasons()]).toEqual([['CertificateAuthorityEnding'], ['CertificateAuthorityEnding']]);
  });

  it('is none any more once it has a successor, which is told once', async () => {
    const { run, concerns, reasons } = open();
    for (const days of [90, 91, 91]) await run(days);

    expect(await concerns()).toEqual([]);
    expect(await reasons()).toEqual(['CertificateAuthorityRenewed', 'CertificateAuthorityEnding']);
  });

  it('stops no run where the journal does not answer', async () => {
    const { database, run, lines } = open();
    database.close();

    await run(90);

    expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ level: 'warn' }, { level: 'error' }]);
  });
});
