import { Duration } from 'aws-cdk-lib';
import { Alarm, ComparisonOperator, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import type { IMetric } from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';

/** What can go wrong; each is a heading of `docs/operations.md`. */
export const RUNBOOK = {
  deadLetters: 'Dead letters',
  oldestMessage: 'Oldest message waits',
  functionErrors: 'Function errors',
  functionThrottles: 'Function throttles',
  ticks: 'Ticks not running',
  stalledObjects: 'Stalled objects',
  authenticationFailures: 'Authentication failures',
  missedWebhooks: 'Missed webhooks',
  webhookErrors: 'Webhook errors',
  journalLate: 'Journal passed on late',
  journalLost: 'Journal records not passed on',
  journalThrottles: 'Journal throttles',
} as const;
export type RunbookSection = keyof typeof RUNBOOK;

export interface RunbookAlarmProps {
  /** What the alarm is about: `source-sync`, `reconcile-production`. */
  readonly subject: string;
  readonly section: RunbookSection;
  /** One sentence: what is the case when it rings. */
  readonly meaning: string;
  readonly metric: IMetric;
  readonly threshold: number;
  readonly periods: number;
  /** By default it rings at the threshold and above. */
  readonly ringsBelow?: boolean;
}

/** The anchor of a section in `docs/operations.md`. */
export function runbookAnchor(section: RunbookSection): string {
  return RUNBOOK[section].toLowerCase().replaceAll(' ', '-');
}

/** Makes an alarm with a name of its own and the way to its runbook. */
export function addRunbookAlarm(scope: Construct, props: RunbookAlarmProps): Alarm {
  const { subject, section, meaning, metric, threshold, periods, ringsBelow = false } = props;
  const anchor = runbookAnchor(section);
  return new Alarm(scope, `${section}Alarm`, {
    alarmName: `tidegate/${subject}/${anchor}`,
    alarmDescription: `${meaning} Runbook: docs/operations.md#${anchor}`,
    metric,
    threshold,
    evaluationPeriods: periods,
    comparisonOperator: ringsBelow
      ? ComparisonOperator.LESS_THAN_THRESHOLD
      : ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
    treatMissingData: ringsBelow ? TreatMissingData.BREACHING : TreatMissingData.NOT_BREACHING,
  });
}

/** The grain of all alarms. */
export const ALARM_PERIOD: Duration = Duration.minutes(5);
