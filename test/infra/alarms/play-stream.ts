import type { Datum } from './evaluate-alarm.ts';
import type { StreamPoller } from './read-pollers.ts';

/** What happens to the stream; all times are seconds. */
export interface StreamPlay {
  /** When records are written. */
  readonly records: readonly number[];
  /** How long an invocation takes, and whether it passes the record on. */
  readonly behave: (now: number) => { readonly ok: boolean; readonly seconds: number };
  /** Between two tries. */
  readonly pause: number;
  readonly until: number;
  readonly lag: number;
}

const ACTIVATION = 900;
const MINUTE = 60;

/** Plays Lambda's poller of a stream, record by record: one that is not passed on is tried again and holds up what follows. */
export function playStream(
  poller: StreamPoller,
  play: StreamPlay,
): { readonly iteratorAge: readonly Datum[]; readonly lost: readonly Datum[] } {
  const iteratorAge: Datum[] = [];
  const lostAt: number[] = [];
  let now = 0;
  for (const writtenAt of play.records) {
    now = Math.max(now, writtenAt);
    for (let tries = 0; now < play.until; tries += 1) {
      const isSpent = poller.maxRetries >= 0 && tries > poller.maxRetries;
      if (isSpent || now - writtenAt > poller.maxAge) {
        lostAt.push(now);
        break;
      }
      iteratorAge.push({ at: now, value: (now - writtenAt) * 1000, shownAt: now + play.lag });
      const { ok, seconds } = play.behave(now);
      now += Math.min(seconds, poller.timeout);
      if (ok) break;
      now += play.pause;
    }
  }
  const [first = Infinity] = lostAt;
  const minutes = Array.from({ length: Math.floor(play.until / MINUTE) }, (_, index) => (index + 1) * MINUTE);
  const lost = minutes
    .filter((at) => at > first + ACTIVATION)
    .map((at) => ({ at: at - 1, value: lostAt.filter((one) => one < at).length, shownAt: at + play.lag }));
  return { iteratorAge, lost };
}
