import { describe, expect, test } from 'vitest';

import { notYet, PromiseBroken, sighted, waitFor } from '#demo/wait-for.ts';

const options = { onWait: () => {}, hopeless: () => undefined, logs: ['/logs/serve.log'] };

describe('waitFor', () => {
  test('resolves with what was waited for', async () => {
    let looks = 0;
    const look = async () => ((looks += 1) < 3 ? notYet('nothing') : sighted(looks));
    await expect(waitFor({ what: 'the third look', look }, options)).resolves.toBe(3);
  });

  test('says what it waited for, what it saw last and where the logs are', async () => {
    const waiting = waitFor({ what: 'a bus', look: async () => notYet('a tram'), withinMs: 50 }, options);
    await expect(waiting).rejects.toThrow('a bus: waited 0 s; last seen: a tram; logs: /logs/serve.log');
  });

  test('a look that fails is something seen, and waiting goes on', async () => {
    let looks = 0;
    const look = async () => {
      looks += 1;
      if (looks === 1) throw new Error('connection refused');
      return sighted(looks);
    };
    await expect(waitFor({ what: 'an answer', look }, options)).resolves.toBe(2);
  });

  test('what may never happen ends the wait at once', async () => {
    const look = async () => {
      throw new PromiseBroken('a second pull request');
    };
    await expect(waitFor({ what: 'silence', look }, options)).rejects.toThrow('a second pull request');
  });

  test('ends when there is no hope any more', async () => {
    const hopeless = () => 'serve ended (exit code 1)';
    const waiting = waitFor({ what: 'an answer', look: async () => notYet('none') }, { ...options, hopeless });
    await expect(waiting).rejects.toThrow('an answer: serve ended (exit code 1); last seen: none');
  });

  test('ends when it is told to', async () => {
    const ending = new AbortController();
    const waiting = waitFor({ what: 'x', look: async () => notYet('y') }, { ...options, signal: ending.signal });
    ending.abort();
    await expect(waiting).rejects.toThrow('aborted');
  });
});
