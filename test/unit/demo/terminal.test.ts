import { describe, expect, test } from 'vitest';

import { openTerminal } from '#demo/terminal.ts';

const step = { name: 'drift is put right', ok: true, ms: 2_340 };

function open(isTTY: boolean, env: NodeJS.ProcessEnv, columns = 80) {
  let written = '';
  const write = (text: string) => {
    written += text;
  };
  const terminal = openTerminal({ isTTY, columns, write }, env);
  return {
    terminal,
    read: () => {
      terminal.close();
      return written;
    },
  };
}

describe('the terminal', () => {
  test('writes a line a step with its time, and what it shows below', () => {
    const { terminal, read } = open(false, {});
    terminal.begin(step.name);
    terminal.waitingFor('the Service');
    terminal.end(step, [{ text: 'Service/cache/cache created', tone: 'quiet' }]);
    const lines = read().split('\n');
    expect(lines[0]).toMatch(/^ ✓ 1 {2}drift is put right +2\.3 s$/u);
    expect(lines.slice(1)).toEqual(['      Service/cache/cache created', '']);
  });

  test('says why a step failed, and counts it', () => {
    const { terminal, read } = open(false, {});
    const failed = { ...step, ok: false, error: 'a bus: waited 2 s' };
    terminal.begin(step.name);
    terminal.end(failed, []);
    terminal.finish([step, failed], 4_000);
    const text = read();
    expect(text).toContain(' ✗ 1  drift is put right');
    expect(text).toContain('a bus: waited 2 s');
    expect(text).toContain('1 of 2 steps ✓  in 4.0 s');
  });

  test.each([
    { where: 'in a pipe', isTTY: false, env: {}, colored: false },
    { where: 'on a terminal', isTTY: true, env: { TERM: 'xterm' }, colored: true },
    { where: 'on a terminal with NO_COLOR', isTTY: true, env: { TERM: 'xterm', NO_COLOR: '1' }, colored: false },
  ])('colors the diff $where: $colored', ({ isTTY, env, colored }) => {
    const { terminal, read } = open(isTTY, env);
    terminal.begin(step.name);
    terminal.end(step, [{ text: '+6.7.1', tone: 'added' }]);
    expect(read().includes('\u001B[32m+6.7.1')).toBe(colored);
  });

  test.each([20, 40, 60, 100])('keeps a step and its time on one line of %i columns', (columns) => {
    const { terminal, read } = open(true, { TERM: 'xterm', NO_COLOR: '1' }, columns);
    terminal.end({ ...step, name: 'drift' }, []);
    const line =
      read()
        .split('\n')
        .find((one) => one.includes('✓')) ?? '';
    expect(line.replaceAll('\u001B[2K', '').replaceAll('\r', '').length).toBeLessThanOrEqual(columns);
  });

  test('moves no line where nobody looks', () => {
    const { terminal, read } = open(false, {});
    terminal.begin(step.name);
    terminal.waitingFor('the Service');
    expect(read()).toBe('');
  });
});
