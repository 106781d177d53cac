import * as fc from 'fast-check';
import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';

import { sampleSize } from '#test/sample-size.ts';
import { synthesizeFleet } from '#tools/cost/synthesize-fleet.ts';

import { evaluateAlarm } from './alarms/evaluate-alarm.ts';
import type { QueueStory, Story, Timing } from './alarms/play-installation.ts';
import { playInstallation } from './alarms/play-installation.ts';
import type { Behavior } from './alarms/play-queue.ts';
import type { TemplateAlarm } from './alarms/read-alarms.ts';
import { readAlarms } from './alarms/read-alarms.ts';
import { Template } from './synthesize.ts';

/**
 * Each alarm of the template, evaluated as CloudWatch does over what an installation writes: visibility timeouts, tries,
 * batches and time limits are those of the template, too. What is called trouble begins at `BEGIN`; before it, all is well.
 */

const MINUTE = 60;
const HOUR = 3600;
const DAY = 24 * HOUR;
const BEGIN = 2 * HOUR;
const TIMINGS: readonly Timing[] = [
  { lag: 60, phase: 0 },
  { lag: 180, phase: 44 },
];
/** Nothing is known of the real lag; three minutes are more than anyone reports. */
const timings = fc.record({ lag: fc.integer({ min: 60, max: 180 }), phase: fc.integer({ min: 0, max: 59 }) });

let template: Template;
let alarms: readonly TemplateAlarm[];

beforeAll(async () => {
  template = Template.parse(await synthesizeFleet({ clusters: 2, isPrivate: false }));
  alarms = readAlarms(template);
});

/** When each alarm rang for the first time. */
function ring(story: Story, timing: Timing): ReadonlyMap<string, number> {
  const data = playInstallation(template, story, timing);
  return new Map(
    alarms.flatMap(({ name, alarm, metric }) => {
      const seen = data.get(metric);
      if (seen === undefined) throw new Error(`nothing is played of ${metric}, which ${name} watches`);
      const changes = evaluateAlarm(alarm, seen, { madeAt: 0, until: story.until });
      const rang = changes.find(({ state }) => state === 'ALARM');
      return rang === undefined ? [] : [[name, rang.at] as const];
    }),
  );
}

function withinOf(name: string): number {
  const found = alarms.find((alarm) => alarm.name === name);
  if (found === undefined) throw new Error(`there is no alarm ${name}`);
  return found.within;
}

const WORKERS = ['source-sync', 'image-update', 'reconcile-c0', 'reconcile-c1'];
const ANY_CLUSTER = ['reconcile-c0', 'reconcile-c1'];

const done = (seconds: number): Behavior => ({ outcome: 'done', seconds });
/** What a function does from `BEGIN` on. */
const since =
  (behavior: Behavior, begin = BEGIN) =>
  ({ at }: { readonly at: number }): Behavior =>
    at < begin ? done(0.5) : behavior;
/** The queue of one worker in which each function call goes so from `BEGIN` on. */
const all = (worker: string, behavior: Behavior): Pick<Story, 'queues'> => ({
  queues: { [worker]: { behave: since(behavior) } },
});
const from =
  (count: number) =>
  (at: number): number =>
    at < BEGIN ? 0 : count;
const every = (seconds: number, until: number, begin = 0): readonly number[] =>
  Array.from({ length: Math.ceil((until - begin) / seconds) }, (_, index) => begin + index * seconds);

/** Pushes at chance times of working days: so many a day, eight hours long. */
function pushTimes(perDay: number, days: number, seed: number): readonly number[] {
  let state = seed;
  const next = (): number => {
    // Numerical Recipes' generator: the same times in every run.
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
  return Array.from({ length: days }, (_, day) =>
    Array.from({ length: perDay }, () => Math.floor(day * DAY + 8 * HOUR + next() * 8 * HOUR)),
  )
    .flat()
    .toSorted((one, other) => one - other);
}

/** A push whose webhook arrives; where a tick is faster, it is found first. */
const told = (at: number, isTickFaster: boolean): NonNullable<Story['webhooks']> => [
  ...(isTickFaster ? [{ at, says: 'found' } as const] : []),
  { at: at + 3, says: 'told' },
];

interface Row {
  readonly what: string;
  readonly story: Partial<Story>;
}

interface Trouble extends Row {
  /** What has to ring, by the time that it promises. */
  readonly rings: readonly string[];
  /** What may, as it follows from the same. */
  readonly mayRing?: readonly string[];
  readonly begin?: number;
}

const oldest = (worker: string): string => `tidegate/${worker}/oldest-message-waits`;
const dead = (worker: string): string => `tidegate/${worker}/dead-letters`;
const ticks = (worker: string): string => `tidegate/${worker}/ticks-not-running`;
const person = (cluster: string): string => `tidegate/reconcile-${cluster}/waits-for-a-person`;
const MISSED = 'tidegate/source-sync/missed-webhooks';
const DROPPED = 'tidegate/workers/dropped-messages';
const LATE = 'tidegate/notify/journal-passed-on-late';
const LOST = 'tidegate/notify/journal-records-not-passed-on';

const ofEach = (workers: readonly string[], make: (worker: string) => Trouble): readonly Trouble[] => workers.map(make);

const TROUBLE: readonly Trouble[] = [
  ...ofEach(WORKERS, (worker) => ({
    what: `${worker} does not start: its environment or settings are not complete`,
    story: all(worker, { outcome: 'crashed', seconds: 2 }),
    rings: [oldest(worker), dead(worker)],
  })),
  ...ofEach(WORKERS, (worker) => ({
    what: `${worker} runs out of time each time`,
    story: all(worker, { outcome: 'crashed', seconds: Infinity }),
    rings: [oldest(worker), dead(worker)],
  })),
  ...ofEach(WORKERS, (worker) => ({
    what: `Lambda does not start ${worker}: the concurrency of the account is used up`,
    story: all(worker, { outcome: 'refused', seconds: 0 }),
    rings: [oldest(worker), dead(worker)],
  })),
  ...ofEach(WORKERS, (worker) => ({
    what: `${worker} hands back every message: the journal cannot be written`,
    story: all(worker, { outcome: 'handed back', seconds: 45 }),
    rings: [oldest(worker), dead(worker)],
  })),
  ...ofEach(WORKERS, (worker) => ({
    what: `the event source of ${worker} is disabled`,
    story: { queues: { [worker]: { isPolled: (at) => at < BEGIN } } },
    rings: [oldest(worker)],
  })),
  ...ofEach(WORKERS, (worker) => ({
    what: `the schedule of ${worker} is disabled`,
    story: { queues: { [worker]: { isTicking: (at) => at < BEGIN } } },
    rings: [ticks(worker)],
  })),
  {
    what: 'the role of the schedules is gone',
    story: { queues: Object.fromEntries(WORKERS.map((worker) => [worker, { isTicking: (at) => at < BEGIN }])) },
    rings: WORKERS.map(ticks),
  },
  {
    what: 'one message of image-update crashes each time, the others go on',
    story: {
      queues: {
        'image-update': {
          messages: [{ at: BEGIN, group: 'ecr' }],
          behave: ({ group }) => (group === 'ecr' ? { outcome: 'crashed', seconds: 30 } : done(0.5)),
        },
      },
    },
    rings: [dead('image-update')],
    mayRing: [oldest('image-update')],
  },
  ...ofEach(ANY_CLUSTER, (worker) => ({
    what: `a run of ${worker} needs more memory than there is, ticks that are not due do not`,
    story: {
      queues: {
        [worker]: {
          messages: [{ at: BEGIN, group: worker.replace('reconcile-', '') }],
          behave: ({ at }) => (isRetryOf(BEGIN, at) ? { outcome: 'crashed', seconds: 100 } : done(0.1)),
        },
      },
    },
    rings: [dead(worker)],
    mayRing: [oldest(worker)],
  })),
  {
    what: 'each run of a cluster takes all its time, and each tick is due',
    story: all('reconcile-c0', done(295)),
    rings: [oldest('reconcile-c0')],
  },
  {
    what: 'a cluster refuses the credentials: 401',
    story: {
      ...all('reconcile-c0', { outcome: 'handed back', seconds: 45 }),
      concerns: { c0: (at) => (at < BEGIN + MINUTE ? 0 : 1) },
    },
    rings: [person('c0'), oldest('reconcile-c0'), dead('reconcile-c0')],
  },
  {
    what: 'the key of the GitHub App is wrong, so no source of a cluster can be read',
    story: { concerns: { c0: from(5), c1: from(3) } },
    rings: [person('c0'), person('c1')],
  },
  {
    what: 'the GitHub App may not write pull requests: an automation waits',
    story: { concerns: { c1: from(1) } },
    rings: [person('c1')],
  },
  {
    what: 'a cluster whose rights were taken away: each of its messages is dropped, and it says so itself',
    story: { concerns: { c0: from(1) }, dropped: every(MINUTE, 6 * HOUR, BEGIN + 1) },
    rings: [person('c0'), DROPPED],
  },
  {
    what: 'the GitHub App may not write commit statuses',
    story: { dropped: every(10 * MINUTE, 6 * HOUR, BEGIN + 1) },
    rings: [DROPPED],
  },
  {
    what: 'one message is dropped',
    story: { dropped: [BEGIN + 1] },
    rings: [DROPPED],
  },
  ...[1, 2, 3].map((seed): Trouble => ({
    what: `every webhook is lost, or answered 401 for its wrong secret, at ten pushes a day (${seed})`,
    story: { until: 3 * DAY, webhooks: pushTimes(10, 3, seed).map((at) => ({ at, says: 'found' })) },
    begin: 0,
    rings: [MISSED],
  })),
  {
    what: 'every webhook is lost from one day to the next, at two pushes a day in different hours',
    story: {
      until: 4 * DAY,
      webhooks: [9, 14].flatMap((hour) =>
        [0, 1, 2, 3].flatMap((day) => {
          const at = day * DAY + hour * HOUR;
          return day < 2 ? told(at, false) : [{ at, says: 'found' } as const];
        }),
      ),
    },
    begin: 2 * DAY,
    rings: [MISSED],
  },
  {
    what: 'notify crashes on every batch',
    story: {
      stream: {
        records: every(MINUTE, 6 * HOUR, BEGIN),
        behave: () => ({ ok: false, seconds: 5 }),
        pause: 30,
      },
    },
    rings: [LATE, LOST],
  },
  {
    what: 'one record cannot be passed on, and nothing else is written',
    story: { stream: { records: [BEGIN], behave: () => ({ ok: false, seconds: 1 }), pause: 2 } },
    rings: [LATE, LOST],
  },
  {
    what: 'notify is slower than what comes',
    story: {
      stream: { records: every(20, 6 * HOUR, BEGIN), behave: () => ({ ok: true, seconds: 40 }), pause: 1 },
    },
    rings: [LATE],
    mayRing: [LOST],
  },
];

/** Whether this is a try of the message that came at `begin`: it alone is received again at every visibility timeout. */
function isRetryOf(begin: number, at: number): boolean {
  return at >= begin && at < begin + 3 * 330 && (at - begin) % 330 < MINUTE;
}

const quietQueues = (story: QueueStory): NonNullable<Story['queues']> =>
  Object.fromEntries(WORKERS.map((worker) => [worker, story]));

const QUIET: readonly Row[] = [
  { what: 'a day without a push', story: { until: DAY } },
  {
    what: 'an hour in which image-update takes three minutes for each batch of five',
    story: { queues: { 'image-update': { behave: ({ at }) => done(at >= BEGIN && at < BEGIN + HOUR ? 170 : 0.5) } } },
  },
  {
    what: 'a day of runs every ten minutes, the longest of four minutes',
    story: {
      until: 2 * DAY,
      queues: Object.fromEntries(
        ANY_CLUSTER.map((worker) => [
          worker,
          {
            behave: ({ at }) => done(Math.floor(at / MINUTE) % 10 === 0 ? 10 + (Math.floor(at / HOUR) % 24) * 10 : 0.1),
          },
        ]),
      ),
    },
  },
  {
    what: 'a first deployment: no tick for the first ten minutes, the metrics of the queues from the first on, secrets after twelve',
    story: {
      queues: quietQueues({ isTicking: (at) => at > 10 * MINUTE }),
      concerns: { c0: (at) => (at < 12 * MINUTE ? 1 : 0), c1: (at) => (at < 12 * MINUTE ? 1 : 0) },
    },
  },
  {
    what: 'a first deployment whose queues have no metrics for a quarter of an hour',
    story: { metricsFrom: 15 * MINUTE },
  },
  {
    what: 'a first deployment that is rolled back: nothing is ever written',
    story: { metricsFrom: Infinity, queues: quietQueues({ isTicking: () => false }) },
  },
  {
    what: 'an update of the stack: nothing is polled for three minutes',
    story: { queues: quietQueues({ isPolled: (at) => at < BEGIN || at > BEGIN + 3 * MINUTE }) },
  },
  {
    what: 'one run of each worker that runs out of time, and the next one does not',
    story: {
      queues: quietQueues({
        behave: ({ at }) =>
          at >= BEGIN && at < BEGIN + MINUTE ? { outcome: 'crashed', seconds: Infinity } : done(0.5),
      }),
    },
  },
  {
    what: 'a large cluster whose first run goes on for three runs of five minutes',
    story: {
      queues: {
        'reconcile-c0': { behave: ({ at }) => done(at >= BEGIN && at < BEGIN + 14 * MINUTE ? 290 : 0.1) },
      },
    },
  },
  {
    what: 'a rollout that is not healthy for eight minutes',
    story: { concerns: { c0: (at) => (at >= BEGIN && at < BEGIN + 8 * MINUTE ? 2 : 0) } },
  },
  {
    what: 'ticks that come a minute late, and one that does not come',
    story: { queues: quietQueues({ isTicking: (at) => Math.floor(at / MINUTE) % 7 !== 0 }) },
  },
  { what: 'one webhook that is lost', story: { until: 2 * DAY, webhooks: [{ at: 9 * HOUR, says: 'found' }] } },
  ...[10, 100].map((perDay) => ({
    what: `${perDay} pushes a day whose webhooks arrive, the tick faster at each tenth`,
    story: {
      until: 3 * DAY,
      webhooks: pushTimes(perDay, 3, 7).flatMap((at, index) => told(at, index % 10 === 0)),
    },
  })),
  {
    what: 'a hundred pushes a day of which one webhook is lost',
    story: {
      until: 3 * DAY,
      webhooks: pushTimes(100, 3, 3).flatMap((at, index) =>
        index % 100 === 50 ? [{ at, says: 'found' } as const] : told(at, false),
      ),
    },
  },
  {
    what: 'two hundred records at once, and a queue that does not answer for a minute',
    story: {
      stream: {
        records: every(1, BEGIN + 200, BEGIN),
        behave: (now) => ({ ok: now > BEGIN + MINUTE, seconds: 0.2 }),
        pause: 5,
      },
    },
  },
];

describe('each cause rings what its description promises, by the time that it promises', () => {
  it.each(TROUBLE)('$what', ({ story, rings, mayRing = [], begin = BEGIN }) => {
    for (const timing of TIMINGS) {
      const rang = ring({ until: 6 * HOUR, ...story }, timing);

      expect([...rang.keys()].filter((name) => !mayRing.includes(name)).toSorted()).toEqual(
        rings.filter((name) => !mayRing.includes(name)).toSorted(),
      );
      const tooLate = [...rang].filter(
        ([name, at]) => at < begin || (rings.includes(name) && at > begin + withinOf(name)),
      );
      expect(tooLate).toEqual([]);
    }
  });

  it('and every alarm has a cause that rings it', () => {
    const rung = new Set(TROUBLE.flatMap(({ rings }) => rings));

    expect(alarms.map(({ name }) => name).filter((name) => !rung.has(name))).toEqual([]);
  });
});

describe('docs/operations.md', () => {
  it('says of each kind of alarm how soon it rings, as the alarms do', async () => {
    const rows = (await readFile('docs/operations.md', 'utf8')).matchAll(
      /^\| (?<heading>[A-Z][a-z ]+?) +\|.*\| (?<within>[^|]+?) +\|$/gmu,
    );
    const written = Object.fromEntries(
      [...rows].map(({ groups }) => [
        `${groups?.['heading']}`.toLowerCase().replaceAll(' ', '-'),
        (groups?.['within']?.match(/\d+|a day/gu) ?? []).map((text) =>
          text === 'a day' ? DAY : Number(text) * MINUTE,
        ),
      ]),
    );
    const promised = Map.groupBy(alarms, ({ name }) => name.split('/')[2] ?? '');

    expect(written).toMatchObject(
      Object.fromEntries(
        [...promised].map(([heading, same]) => [
          heading,
          [...new Set(same.map(({ within }) => within))].toSorted((one, other) => one - other),
        ]),
      ),
    );
  });
});

describe('nothing rings', () => {
  it.each(QUIET)('in $what', ({ story }) => {
    for (const timing of TIMINGS) expect([...ring({ until: 6 * HOUR, ...story }, timing)]).toEqual([]);
  });
});

describe('around the thresholds, whenever and for however long', () => {
  const runs = { numRuns: sampleSize(15, 1_000), seed: 16 };
  const until = 5 * HOUR;
  const worker = fc.constantFrom(...WORKERS);
  const anyLength = fc.integer({ min: 1, max: 150 }).map((minutes) => minutes * MINUTE);

  /** Whether it rang in time where it had to, and not where it must not. */
  function isRight(rang: ReadonlyMap<string, number>, name: string, { must, mayNot }: Verdict): boolean {
    const at = rang.get(name);
    if (mayNot) return at === undefined;
    return !must || (at !== undefined && at >= BEGIN && at <= BEGIN + withinOf(name));
  }
  interface Verdict {
    readonly must: boolean;
    readonly mayNot: boolean;
  }
  const others = (rang: ReadonlyMap<string, number>, ...names: readonly string[]): readonly string[] =>
    [...rang.keys()].filter((name) => !names.includes(name));

  it('a function that fails for longer than its alarms need rings, and one that fails for five minutes does not', () => {
    const failing = fc.constantFrom<Behavior>(
      { outcome: 'crashed', seconds: 2 },
      { outcome: 'crashed', seconds: Infinity },
      { outcome: 'handed back', seconds: 45 },
      { outcome: 'refused', seconds: 0 },
    );
    const property = fc.property(worker, failing, anyLength, timings, (name, behavior, length, timing) => {
      const end = BEGIN + length;
      const behave = ({ at }: { readonly at: number }): Behavior => (at >= BEGIN && at < end ? behavior : done(0.5));
      const rang = ring({ until: end + HOUR, queues: { [name]: { behave } } }, timing);

      const mayNot = length <= 5 * MINUTE;
      expect(isRight(rang, oldest(name), { must: length >= withinOf(oldest(name)), mayNot })).toBe(true);
      expect(isRight(rang, dead(name), { must: length >= withinOf(dead(name)), mayNot })).toBe(true);
      expect(others(rang, oldest(name), dead(name))).toEqual([]);
    });

    fc.assert(property, runs);
  });

  it('ticks that do not come for longer than the alarm needs ring, and a gap of half of it does not', () => {
    const property = fc.property(worker, anyLength, timings, (name, length, timing) => {
      const end = BEGIN + length;
      const isTicking = (at: number): boolean => at < BEGIN || at >= end;
      const rang = ring({ until, queues: { [name]: { isTicking } } }, timing);

      const verdict = { must: length >= withinOf(ticks(name)), mayNot: length <= 12 * MINUTE };
      expect(isRight(rang, ticks(name), verdict)).toBe(true);
      expect(others(rang, ticks(name))).toEqual([]);
    });

    fc.assert(property, runs);
  });

  it('what waits for a person for longer than the alarm needs rings, and ten minutes of it do not, however often', () => {
    const property = fc.property(anyLength, fc.boolean(), timings, (length, isRepeated, timing) => {
      const end = BEGIN + length;
      const pauses = (at: number): boolean => isRepeated && Math.floor((at - BEGIN) / MINUTE) % 11 === 10;
      const count = (at: number): number => (at < BEGIN || at >= end || pauses(at) ? 0 : 3);
      const rang = ring({ until, concerns: { c0: count } }, timing);

      const name = person('c0');
      const mayNot = isRepeated || length <= 10 * MINUTE;
      expect(isRight(rang, name, { must: length >= withinOf(name), mayNot })).toBe(true);
      expect(others(rang, name)).toEqual([]);
    });

    fc.assert(property, runs);
  });

  it('webhooks that all are lost ring within a day, and those that all arrive never do, at any traffic', () => {
    const traffic = fc.record({ perDay: fc.integer({ min: 4, max: 300 }), seed: fc.integer({ min: 1, max: 1e6 }) });
    const fasterOfEach = fc.integer({ min: 3, max: 50 });
    const property = fc.property(traffic, fasterOfEach, timings, ({ perDay, seed }, fasterOf, timing) => {
      const times = pushTimes(perDay, 2, seed);
      const lost = ring({ until: 2 * DAY, webhooks: times.map((at) => ({ at, says: 'found' })) }, timing);
      const arriving = times.flatMap((at, index) => told(at, index % fasterOf === 0));
      const arrived = ring({ until: 2 * DAY, webhooks: arriving }, timing);

      expect([...lost.keys()]).toEqual([MISSED]);
      expect(lost.get(MISSED)).toBeLessThanOrEqual(withinOf(MISSED));
      expect([...arrived]).toEqual([]);
    });

    fc.assert(property, { ...runs, numRuns: sampleSize(3, 300) });
  });

  it('a record that cannot be passed on for longer than the alarm needs rings, and is not given up within the hour', () => {
    const tries = fc.record({ pause: fc.integer({ min: 1, max: 60 }), seconds: fc.integer({ min: 1, max: 60 }) });
    const property = fc.property(anyLength, tries, timings, (length, { pause, seconds }, timing) => {
      const behave = (now: number) => ({ ok: now >= BEGIN + length, seconds });
      const rang = ring({ until, stream: { records: [BEGIN], behave, pause } }, timing);

      const late = { must: length >= withinOf(LATE), mayNot: length <= 3 * MINUTE };
      const lost = { must: length >= 63 * MINUTE, mayNot: length < 58 * MINUTE };
      expect(isRight(rang, LATE, late)).toBe(true);
      expect(isRight(rang, LOST, lost)).toBe(true);
      expect(others(rang, LATE, LOST)).toEqual([]);
    });

    fc.assert(property, runs);
  });
});
