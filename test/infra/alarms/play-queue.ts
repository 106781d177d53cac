import type { Datum } from './evaluate-alarm.ts';
import type { QueuePoller } from './read-pollers.ts';

/** What a function does with a batch. `handed back`: it names its messages as failed; `refused`: Lambda does not start it. */
export interface Behavior {
  readonly outcome: 'done' | 'handed back' | 'crashed' | 'refused';
  readonly seconds: number;
}

/** What happens to one queue; all times are seconds. */
export interface QueuePlay {
  readonly messages: readonly { readonly at: number; readonly group: string }[];
  readonly behave: (batch: { readonly at: number; readonly group: string; readonly size: number }) => Behavior;
  /** False while the event source is disabled. */
  readonly isPolled?: ((at: number) => boolean) | undefined;
  readonly until: number;
  /** How late metrics are shown. */
  readonly lag: number;
  /** When the first metrics of the queue are written. */
  readonly metricsFrom?: number | undefined;
}

/** What CloudWatch gets to see of a queue, and when its function came back. */
export interface PlayedQueue {
  readonly sent: readonly Datum[];
  readonly oldest: readonly Datum[];
  readonly deadLetters: readonly Datum[];
  /** Invocations that came back: they may write metrics of their own. */
  readonly returned: readonly number[];
}

const MINUTE = 60;
/** Metrics of a queue that was not used for hours begin so late (Amazon SQS Developer Guide). */
const ACTIVATION = 900;
/** What was received so often without being deleted is left out of the age of the oldest message, according to the same. */
const POISON_RECEIVES = 3;

interface Message {
  readonly at: number;
  readonly group: string;
  visibleAt: number;
  /** When it was received. */
  readonly received: number[];
  goneAt: number;
  isDead: boolean;
}

/**
 * Plays a FIFO queue with its dead-letter queue and Lambda's poller: a batch that fails blocks its group until SQS shows it
 * again, and what was received too often is set aside. Where the documentation leaves a choice, the one that rings later.
 */
export function playQueue(poller: QueuePoller, play: QueuePlay): PlayedQueue {
  const { until, lag, metricsFrom = 0 } = play;
  const messages = play.messages.map(({ at, group }): Message => {
    return { at, group, visibleAt: at, received: [], goneAt: Infinity, isDead: false };
  });
  const groups = Map.groupBy(
    messages.toSorted((one, other) => one.at - other.at),
    ({ group }) => group,
  );
  const returned = [...groups.values()].flatMap((group) => playGroup(poller, play, group));
  const minutes = Array.from({ length: Math.floor(until / MINUTE) }, (_, index) => (index + 1) * MINUTE);
  const show = (at: number, value: number): Datum => ({ at: at - 1, value, shownAt: at + lag });
  const shown = minutes.filter((at) => at > metricsFrom);
  const sentAMinute = countBy(messages.map(({ at }) => Math.floor(at / MINUTE)));
  const dead = messages
    .filter(({ isDead }) => isDead)
    .map(({ goneAt }) => goneAt)
    .toSorted((one, other) => one - other);
  const [firstDead = Infinity] = dead;
  return {
    sent: shown.map((at) => show(at, sentAMinute.get(at / MINUTE - 1) ?? 0)),
    oldest: ages(messages, until).flatMap((age, minute) => {
      const at = minute * MINUTE;
      return age === undefined || at <= metricsFrom ? [] : [show(at, age)];
    }),
    deadLetters: minutes
      .filter((at) => at > firstDead + ACTIVATION)
      .map((at) => show(at, dead.filter((one) => one < at).length)),
    returned,
  };
}

function playGroup(poller: QueuePoller, play: QueuePlay, group: readonly Message[]): readonly number[] {
  const { isPolled = () => true } = play;
  const returned: number[] = [];
  let now = 0;
  for (let first = 0; first < group.length;) {
    const message = group[first];
    if (message === undefined) break;
    now = Math.max(now, message.visibleAt);
    while (now < play.until && !isPolled(now)) now += MINUTE;
    if (now >= play.until) break;
    if (message.received.length >= poller.maxReceives) {
      message.isDead = true;
      message.goneAt = now;
      first += 1;
      continue;
    }
    const batch = group.slice(first, first + poller.batchSize).filter(({ at }) => at <= now);
    for (const one of batch) one.received.push(now);
    const { outcome, seconds } = play.behave({ at: now, group: message.group, size: batch.length });
    const end = now + Math.min(seconds, poller.timeout);
    if (outcome === 'done' || outcome === 'handed back') returned.push(end);
    if (outcome === 'done') {
      for (const one of batch) one.goneAt = end;
      first += batch.length;
      now = end;
    } else {
      for (const one of batch) one.visibleAt = now + poller.visibility;
      now += poller.visibility;
    }
  }
  return returned;
}

/** The age of the oldest message at the end of each minute, where there is one. */
function ages(messages: readonly Message[], until: number): readonly (number | undefined)[] {
  const oldest: (number | undefined)[] = Array.from({ length: Math.floor(until / MINUTE) + 1 });
  for (const { at, received, goneAt } of messages) {
    const poisonedAt = received[POISON_RECEIVES - 1] ?? Infinity;
    const end = Math.min(goneAt, poisonedAt, until + 1);
    for (let minute = Math.ceil(at / MINUTE); minute * MINUTE < end; minute += 1) {
      oldest[minute] = Math.max(oldest[minute] ?? 0, minute * MINUTE - at);
    }
  }
  return oldest;
}

function countBy(values: readonly number[]): ReadonlyMap<number, number> {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}
