import { Duration } from 'aws-cdk-lib';
import { Metric } from 'aws-cdk-lib/aws-cloudwatch';
import { FilterPattern, MetricFilter } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';

import { METRICS } from '#shared/settings/metric-names.ts';

import { addRunbookAlarm, ALARM_PERIOD } from './runbook-alarm.ts';
import type { TidegateFunction } from './tidegate-function.ts';

/** Counts what the workers drop, because another try cannot mend it: nothing else would show it. */
export class DroppedMessages extends Construct {
  constructor(scope: Construct, id: string, workers: Readonly<Record<string, TidegateFunction>>) {
    super(scope, id);
    for (const [name, { logGroup }] of Object.entries(workers)) {
      new MetricFilter(this, name, {
        logGroup,
        filterPattern: FilterPattern.booleanValue('$.dropped', true),
        metricNamespace: METRICS.namespace,
        metricName: METRICS.dropped,
        metricValue: '1',
      });
    }
    addRunbookAlarm(this, {
      // One metric for all of them: which it was stands in its log.
      subject: 'workers',
      section: 'dropped',
      meaning: 'A message was dropped, or a commit status: another try cannot mend it.',
      within: Duration.minutes(10),
      metric: new Metric({
        namespace: METRICS.namespace,
        metricName: METRICS.dropped,
        period: ALARM_PERIOD,
        statistic: 'Sum',
      }),
      threshold: 1,
      periods: 3,
      badPeriods: 1,
    });
  }
}
