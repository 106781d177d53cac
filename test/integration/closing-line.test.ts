import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..', '..');
// Inside the checkout, where the tests of the run find Vitest.
const folder = mkdtempSync(join(root, 'node_modules', '.closing-line-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function runVitest(tests: string, ci: boolean): { readonly code: number | null; readonly lines: readonly string[] } {
  writeFileSync(join(folder, 'one.test.ts'), `import { expect, it } from 'vitest';\n${tests}\n`);
  writeFileSync(
    join(folder, 'vitest.config.ts'),
    `export default { test: { include: ['**/*.test.ts'], exclude: [], reporters: ['${join(root, 'test', 'closing-line-reporter.ts')}'] } };\n`,
  );
  const { CI: _unset, ...env } = process.env;
  const { status, stdout } = spawnSync(
    process.execPath,
    [join(root, 'node_modules', 'vitest', 'vitest.mjs'), 'run', '--root', folder],
    { env: ci ? { ...env, CI: 'true' } : env, encoding: 'utf8' },
  );
  return { code: status, lines: stdout.trim().split('\n') };
}

describe('the end of a run', () => {
  it.each([
    ['passes', `it('a', () => expect(1).toBe(1));`, true, '1 passed, 0 failed', 0],
    ['fails', `it('a', () => expect(1).toBe(1)); it('b', () => expect(1).toBe(2));`, true, '1 passed, 1 failed', 1],
    ['cannot be loaded', `throw new Error('no');`, true, '0 passed, 1 failed', 1],
    [
      'skips under CI',
      `it('a', () => expect(1).toBe(1)); it.skip('b', () => undefined);`,
      true,
      '1 passed, 1 failed',
      1,
    ],
    [
      'skips elsewhere',
      `it('a', () => expect(1).toBe(1)); it.skip('b', () => undefined);`,
      false,
      '1 passed, 0 failed',
      0,
    ],
  ])('says what passed and failed in one line when a test %s', (_what, tests, ci, closing, code) => {
    const run = runVitest(tests, ci);

    expect(run.lines.at(-1)).toBe(closing);
    expect(run.code).toBe(code);
  });
});
