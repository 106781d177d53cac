/** Sends, receives and deletes until it is killed, saying what it is about to have done. `churn-queues.ts FOLDER ROUND` */
import { writeSync } from 'node:fs';

import { lockStateFolder } from '#shared/adapters/sqlite/lock-state-folder.ts';
import { openSqliteDatabase } from '#shared/adapters/sqlite/sqlite-database.ts';
import { createSqliteWorkQueues } from '#shared/adapters/sqlite/sqlite-work-queues.ts';

const [folder = '', round = ''] = process.argv.slice(2);
lockStateFolder(folder);
const queues = createSqliteWorkQueues(openSqliteDatabase(folder), { now: () => Date.now() }, { maxReceives: 100 });

for (let index = 0; ; index += 1) {
  const id = `${round}-${index}`;
  await queues.send({
    queue: 'source-sync',
    group: `group-${index % 7}`,
    deduplicationId: id,
    message: { type: 'Tick', id },
  });
  writeSync(1, `sent ${id}\n`);
  const received = queues.receive({ queue: 'source-sync', max: 3, visibilityMs: 60_000 });
  for (const { deduplicationId, receipt } of received.slice(1)) {
    writeSync(1, `deleting ${deduplicationId}\n`);
    queues.delete(receipt);
  }
}
