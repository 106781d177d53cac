/** A server whose work never ends, for a test that kills it. `serve-until-killed.ts FOLDER` */
import { openServe } from './open-serve.ts';

const serve = await openServe({
  folder: process.argv[2] ?? '',
  work: async ({ Records: [record] }) => {
    if (record?.body.includes('RepositoryPushed') === true) process.stdout.write('working\n');
    return new Promise(() => undefined);
  },
});
process.stdout.write(`${serve.url}\n`);
