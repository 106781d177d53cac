import { z } from 'zod';

import type { Template } from '../synthesize.ts';
import { resourcesOf } from '../synthesize.ts';
import type { MetricAlarm } from './evaluate-alarm.ts';

/** An alarm of the template. */
export interface TemplateAlarm {
  readonly name: string;
  readonly alarm: MetricAlarm;
  /** What it watches. */
  readonly metric: string;
  /** What its description promises: seconds from the beginning of the trouble until it rings, at the latest. */
  readonly within: number;
}

/** Everything that an alarm may have here: one that calculates, combines others or rings by a percentile has to be taught first. */
const Alarm = z.strictObject({
  AlarmName: z.string(),
  AlarmDescription: z.string(),
  Namespace: z.string(),
  MetricName: z.string(),
  Dimensions: z.array(z.strictObject({ Name: z.string(), Value: z.unknown() })).default([]),
  Statistic: z.enum(['Sum', 'SampleCount', 'Average', 'Maximum', 'Minimum']),
  Period: z.number().multipleOf(60),
  EvaluationPeriods: z.number(),
  DatapointsToAlarm: z.number(),
  Threshold: z.number(),
  ComparisonOperator: z.enum([
    'GreaterThanOrEqualToThreshold',
    'GreaterThanThreshold',
    'LessThanThreshold',
    'LessThanOrEqualToThreshold',
  ]),
  TreatMissingData: z.enum(['missing', 'ignore', 'breaching', 'notBreaching']),
  Tags: z.unknown().optional(),
});

/** Seconds: a period below an hour is evaluated over a day at most, a longer one over a week (`PutMetricAlarm`). */
const LONGEST = { short: 86_400, long: 604_800 };

/** Every alarm of the template. */
export function readAlarms(template: Template): readonly TemplateAlarm[] {
  const others = Object.values(template.Resources).filter(({ Type }) => /^AWS::CloudWatch::.*Alarm/u.test(Type));
  const alarms = resourcesOf(template, 'AWS::CloudWatch::Alarm');
  if (others.length !== alarms.length) throw new Error('the template has alarms of a type that is not evaluated');
  return alarms.map(([, { Properties }]) => {
    const one = Alarm.parse(Properties);
    const longest = one.Period < 3600 ? LONGEST.short : LONGEST.long;
    if (one.Period * one.EvaluationPeriods > longest) throw new Error(`${one.AlarmName} looks back too far`);
    const minutes = /Rings within (?<minutes>\d+) minutes\./u.exec(one.AlarmDescription)?.groups?.['minutes'];
    if (minutes === undefined) throw new Error(`${one.AlarmName} does not say when it rings`);
    return {
      name: one.AlarmName,
      metric: metricKey(
        one.Namespace,
        one.MetricName,
        Object.fromEntries(one.Dimensions.map(({ Name, Value }) => [Name, referentOf(Value)])),
      ),
      within: Number(minutes) * 60,
      alarm: {
        statistic: one.Statistic,
        period: one.Period,
        evaluationPeriods: one.EvaluationPeriods,
        datapointsToAlarm: one.DatapointsToAlarm,
        threshold: one.Threshold,
        comparison: one.ComparisonOperator,
        // Alarms on metrics of DynamoDB ignore missing data, whatever is set (`PutMetricAlarm`).
        missing: one.Namespace === 'AWS/DynamoDB' ? 'ignore' : one.TreatMissingData,
      },
    };
  });
}

/** A metric by name and dimensions; a resource of the template stands for its name. */
export function metricKey(namespace: string, name: string, dimensions: Readonly<Record<string, string>>): string {
  const sorted = Object.entries(dimensions).toSorted(([one], [other]) => one.localeCompare(other));
  return [namespace, name, ...sorted.map(([key, value]) => `${key}=${value}`)].join(' ');
}

/** The logical id of a reference, or the text. */
export function referentOf(value: unknown): string {
  const reference = z
    .union([
      z.string(),
      z.object({ Ref: z.string() }).transform(({ Ref }) => Ref),
      z.object({ 'Fn::GetAtt': z.tuple([z.string(), z.string()]) }).transform((one) => one['Fn::GetAtt'][0]),
    ])
    .parse(value);
  return reference;
}
