import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';

const run = promisify(execFile);
const Line = z.record(z.string(), z.unknown());

/** Logs in a process of its own, as in Lambda, and reads back what CloudWatch would get. */
async function logLines(statements: string): Promise<readonly Record<string, unknown>[]> {
  const program = `
    const { createPowertoolsLogger } = await import('#shared/adapters/powertools/powertools-logger.ts');
    const known = new Set(['hunter2-hunter2']);
    const log = createPowertoolsLogger({ service: 'source-sync', knownSecrets: known });
    ${statements}`;
  const { stdout, stderr } = await run(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: join(import.meta.dirname, '../..'),
    env: { PATH: process.env['PATH'] ?? '', AWS_LAMBDA_FUNCTION_NAME: 'tidegate-source-sync' },
  });
  return `${stdout}${stderr}`
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => Line.parse(JSON.parse(line)));
}

describe('the log of a worker in Lambda', () => {
  it('has each field where a metric filter looks for it', async () => {
    const lines = await logLines(`
      log.child({ deliveryId: 'd' }).info('source read', { result: 'stored', missedWebhook: true });
      log.warn('source not read', { reason: 'no answer' });`);

    expect(lines).toEqual([
      expect.objectContaining({
        level: 'INFO',
        service: 'source-sync',
        message: 'source read',
        deliveryId: 'd',
        result: 'stored',
        missedWebhook: true,
      }),
      expect.objectContaining({ level: 'WARN', message: 'source not read', reason: 'no answer' }),
    ]);
    expect(lines[1]).not.toHaveProperty('deliveryId');
  });

  it('shows no secret, whether it was known when the logger was made or became known later', async () => {
    const lines = await logLines(`
      log.info('got hunter2-hunter2', { url: 'https://x:hunter2-hunter2@example.com', deep: { list: ['hunter2-hunter2'] } });
      const child = log.child({ note: 'hunter2-hunter2' });
      known.add('swordfish-swordfish');
      child.error('and swordfish-swordfish', { error: new Error('no swordfish-swordfish') });`);

    expect(lines).toHaveLength(2);
    expect(JSON.stringify(lines)).not.toMatch(/hunter2|swordfish/u);
  });
});
