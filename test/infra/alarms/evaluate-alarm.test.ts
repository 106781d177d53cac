import { describe, expect, it } from 'vitest';

import type { AlarmState, Datum, MetricAlarm, MissingData, Point } from './evaluate-alarm.ts';
import { evaluateAlarm, judgePoints } from './evaluate-alarm.ts';

const POINTS: Readonly<Record<string, Point>> = { X: 'breaching', '0': 'within', '-': 'absent' };
const TREATMENTS = ['missing', 'ignore', 'breaching', 'notBreaching'] as const satisfies readonly MissingData[];
/** What `ignore` makes of it; no state of an evaluation would do for that. */
const KEPT = 'INSUFFICIENT_DATA';

type Row = readonly [string, AlarmState, AlarmState, AlarmState, AlarmState];

function judgeRows(
  rows: readonly Row[],
  counts: { evaluationPeriods: number; datapointsToAlarm: number },
): readonly (readonly string[])[] {
  return rows.map(([text]) => {
    const points = text.split(' ').map((sign) => POINTS[sign] ?? 'absent');
    return [text, ...TREATMENTS.map((missing) => judgePoints(points, { ...counts, missing }, KEPT))];
  });
}

/** The tables of "Configuring how CloudWatch alarms treat missing data", in the order of their columns. */
describe('missing data is treated as in the tables of the user guide', () => {
  it('when three of three data points have to breach', () => {
    const rows: readonly Row[] = [
      ['0 - X - X', 'OK', 'OK', 'OK', 'OK'],
      ['0 - - - -', 'OK', 'OK', 'OK', 'OK'],
      ['- - - - -', 'INSUFFICIENT_DATA', KEPT, 'ALARM', 'OK'],
      ['0 X X - X', 'ALARM', 'ALARM', 'ALARM', 'ALARM'],
      ['- - - - X', 'INSUFFICIENT_DATA', KEPT, 'ALARM', 'OK'],
      ['X - - - -', 'ALARM', KEPT, 'ALARM', 'OK'],
    ];

    expect(judgeRows(rows, { evaluationPeriods: 3, datapointsToAlarm: 3 })).toEqual(rows);
  });

  it('when two of three have to breach', () => {
    const rows: readonly Row[] = [
      ['0 - X - X', 'ALARM', 'ALARM', 'ALARM', 'ALARM'],
      ['0 0 X 0 X', 'ALARM', 'ALARM', 'ALARM', 'ALARM'],
      ['0 - X - -', 'OK', 'OK', 'ALARM', 'OK'],
      ['- - - - 0', 'OK', 'OK', 'ALARM', 'OK'],
      ['- - - - X', 'INSUFFICIENT_DATA', KEPT, 'ALARM', 'OK'],
    ];

    expect(judgeRows(rows, { evaluationPeriods: 3, datapointsToAlarm: 2 })).toEqual(rows);
  });
});

describe('an alarm is evaluated once a minute, over a window that slides', () => {
  const alarm: MetricAlarm = {
    statistic: 'Sum',
    period: 300,
    evaluationPeriods: 1,
    datapointsToAlarm: 1,
    threshold: 3,
    comparison: 'GreaterThanOrEqualToThreshold',
    missing: 'notBreaching',
  };
  const seen = (at: number, value = 1): Datum => ({ at, value, shownAt: at });
  const evaluate = (data: readonly Datum[], changed: Partial<MetricAlarm> = {}) =>
    evaluateAlarm({ ...alarm, ...changed }, data, { madeAt: 0, until: 3600 }).map(({ at, state }) => [at, state]);
  /** What runs every minute writes a zero for each run that ends well. */
  const zeros = Array.from({ length: 60 }, (_, minute) => seen(minute * 60, 0));

  it('three errors within five minutes ring, wherever the clock stands, and no longer than they lie in the window', () => {
    expect(evaluate([...zeros, seen(730), seen(800), seen(1010)])).toEqual([
      [60, 'OK'],
      [1020, 'ALARM'],
      [1080, 'OK'],
    ]);
  });

  it('three errors in a little more than five minutes do not', () => {
    expect(evaluate([...zeros, seen(720), seen(870), seen(1050)])).toEqual([[60, 'OK']]);
  });

  it('an error that is shown late counts for when it happened', () => {
    const late = [...zeros, seen(730), seen(800), { at: 1010, value: 1, shownAt: 1310 }];

    expect(evaluate(late)).toEqual([[60, 'OK']]);
    expect(evaluate(late, { evaluationPeriods: 3 })).toContainEqual([1320, 'ALARM']);
  });

  it('what breached last is looked at again while nothing newer is there', () => {
    expect(evaluate([seen(730, 3)])).toEqual([
      [60, 'OK'],
      [780, 'ALARM'],
      [1680, 'OK'],
    ]);
  });

  it.each([
    ['Sum', 6],
    ['SampleCount', 3],
    ['Average', 2],
    ['Maximum', 3],
    ['Minimum', 1],
  ] as const)('%s of 1, 2 and 3 is %d', (statistic, value) => {
    const data = [seen(610, 1), seen(620, 2), seen(630, 3)];

    const rings = (threshold: number): boolean =>
      evaluate(data, { statistic, threshold }).some(([, state]) => state === 'ALARM');

    expect([rings(value), rings(value + 0.5)]).toEqual([true, false]);
  });
});
