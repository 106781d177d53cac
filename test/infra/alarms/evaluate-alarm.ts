/**
 * How CloudWatch evaluates an alarm, as "Alarm evaluation", "Alarm evaluation window" and "Configuring how CloudWatch
 * alarms treat missing data" of its user guide have it. Times are seconds.
 */

export type AlarmState = 'OK' | 'ALARM' | 'INSUFFICIENT_DATA';

export type MissingData = 'missing' | 'ignore' | 'breaching' | 'notBreaching';

const COMPARISONS = {
  GreaterThanOrEqualToThreshold: (value: number, threshold: number) => value >= threshold,
  GreaterThanThreshold: (value: number, threshold: number) => value > threshold,
  LessThanThreshold: (value: number, threshold: number) => value < threshold,
  LessThanOrEqualToThreshold: (value: number, threshold: number) => value <= threshold,
} as const;
export type Comparison = keyof typeof COMPARISONS;

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const STATISTICS = {
  Sum: sum,
  SampleCount: (values: readonly number[]) => values.length,
  Average: (values: readonly number[]) => sum(values) / values.length,
  Maximum: (values: readonly number[]) => values.reduce((most, value) => Math.max(most, value)),
  Minimum: (values: readonly number[]) => values.reduce((least, value) => Math.min(least, value)),
} as const;
export type Statistic = keyof typeof STATISTICS;

/** An alarm on one metric. */
export interface MetricAlarm {
  readonly statistic: Statistic;
  readonly period: number;
  readonly evaluationPeriods: number;
  readonly datapointsToAlarm: number;
  readonly threshold: number;
  readonly comparison: Comparison;
  readonly missing: MissingData;
}

/** One value that was written of a metric. */
export interface Datum {
  readonly at: number;
  readonly value: number;
  /** When CloudWatch shows it: later than it happened, and for an error of Lambda's by as long as the function ran. */
  readonly shownAt: number;
}

/** Two data points more than are evaluated are looked at: five for three, in the tables of the user guide. */
const RANGE_RESERVE = 2;
/** An alarm whose period is a minute or longer is evaluated once a minute. */
const EVERY = 60;

export type Point = 'breaching' | 'within' | 'absent';

/** The state that follows from the data points of the evaluation range, the newest last. */
export function judgePoints(
  points: readonly Point[],
  {
    evaluationPeriods,
    datapointsToAlarm,
    missing,
  }: Pick<MetricAlarm, 'evaluationPeriods' | 'datapointsToAlarm' | 'missing'>,
  before: AlarmState,
): AlarmState {
  const real = points.filter((point) => point !== 'absent');
  const evaluated = real.slice(-evaluationPeriods);
  const filled = evaluationPeriods - evaluated.length;
  const breaching = evaluated.filter((point) => point === 'breaching').length;
  if (filled === 0 || missing === 'notBreaching') return breaching >= datapointsToAlarm ? 'ALARM' : 'OK';
  if (missing === 'breaching') return breaching + filled >= datapointsToAlarm ? 'ALARM' : 'OK';
  if (breaching >= datapointsToAlarm) return 'ALARM';
  if (evaluated.includes('within')) return 'OK';
  if (missing === 'ignore') return before;
  // All there are breach: they are enough if the oldest of them is as old as so many periods.
  const age = points.length - points.indexOf('breaching');
  return breaching > 0 && age >= datapointsToAlarm ? 'ALARM' : 'INSUFFICIENT_DATA';
}

/** When the alarm goes into which state, from the moment it is made until the end; the window slides with each evaluation. */
export function evaluateAlarm(
  alarm: MetricAlarm,
  data: readonly Datum[],
  { madeAt, until }: { readonly madeAt: number; readonly until: number },
): readonly { readonly at: number; readonly state: AlarmState }[] {
  const { period, evaluationPeriods } = alarm;
  const byTime = data.toSorted((one, other) => one.at - other.at);
  const range = evaluationPeriods + RANGE_RESERVE;
  const changes: { at: number; state: AlarmState }[] = [];
  let state: AlarmState = 'INSUFFICIENT_DATA';
  let first = 0;
  // Where there is nothing to look at, the first evaluation is as good as any.
  const end = byTime.length === 0 ? madeAt + EVERY : until;
  for (let now = madeAt + EVERY; now <= end; now += EVERY) {
    const from = now - range * period;
    while ((byTime[first]?.at ?? Infinity) < from) first += 1;
    const values: number[][] = Array.from({ length: range }, () => []);
    for (let index = first; index < byTime.length; index += 1) {
      const datum = byTime[index];
      if (datum === undefined || datum.at >= now) break;
      if (datum.shownAt <= now) values[Math.floor((datum.at - from) / period)]?.push(datum.value);
    }
    const next = judgePoints(
      values.map((one) => judgeValues(one, alarm)),
      alarm,
      state,
    );
    if (next !== state) changes.push({ at: now, state: next });
    state = next;
  }
  return changes;
}

function judgeValues(values: readonly number[], { statistic, comparison, threshold }: MetricAlarm): Point {
  if (values.length === 0) return 'absent';
  return COMPARISONS[comparison](STATISTICS[statistic](values), threshold) ? 'breaching' : 'within';
}
