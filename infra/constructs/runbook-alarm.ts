import { Duration } from 'aws-cdk-lib';
import type { IMetric } from 'aws-cdk-lib/aws-cloudwatch';
import { Alarm, ComparisonOperator, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';

/**
 * What people see of trouble, whatever is behind it; each is a heading of `docs/operations.md`. A function that crashes, is
 * throttled or paused has no alarm of its own: its work waits, or is given up, and those ring.
 */
export const RUNBOOK = {
  deadLetters: 'Dead letters',
  oldestMessage: 'Oldest message waits',
  ticks: 'Ticks not running',
  concerns: 'Waits for a person',
  dropped: 'Dropped messages',
  missedWebhooks: 'Missed webhooks',
  journalLate: 'Journal passed on late',
  journalLost: 'Journal records not passed on',
} as const;
export type RunbookSection = keyof typeof RUNBOOK;

export interface RunbookAlarmProps {
  /** What the alarm is about: `source-sync`, `reconcile-production`. */
  readonly subject: string;
  readonly section: RunbookSection;
  /** One sentence: what is the case when it rings. */
  readonly meaning: string;
  /** It rings so long after the trouble began, at the latest; `test/infra/alarms.test.ts` holds it to that. */
  readonly within: Duration;
  readonly metric: IMetric;
  readonly threshold: number;
  readonly periods: number;
  /** So many of the periods have to be bad; all of them unless given. */
  readonly badPeriods?: number;
  /** By default it rings at the threshold and above. */
  readonly ringsBelow?: boolean;
}

/** The anchor of a section in `docs/operations.md`. */
export function runbookAnchor(section: RunbookSection): string {
  return RUNBOOK[section].toLowerCase().replaceAll(' ', '-');
}

/**
 * Makes an alarm with a name of its own and the way to its runbook. What is not reported rings nothing: a metric begins up
 * to a quarter of an hour after its queue, and an alarm that took that for trouble would ring at each first deployment.
 */
export function addRunbookAlarm(scope: Construct, props: RunbookAlarmProps): Alarm {
  const { subject, section, meaning, within, metric, threshold, periods, badPeriods = periods, ringsBelow } = props;
  const anchor = runbookAnchor(section);
  return new Alarm(scope, `${section}Alarm`, {
    alarmName: `tidegate/${subject}/${anchor}`,
    alarmDescription: `${meaning} Rings within ${within.toMinutes()} minutes. Runbook: docs/operations.md#${anchor}`,
    metric,
    threshold,
    evaluationPeriods: periods,
    datapointsToAlarm: badPeriods,
    comparisonOperator:
      ringsBelow === true
        ? ComparisonOperator.LESS_THAN_THRESHOLD
        : ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
    treatMissingData: TreatMissingData.NOT_BREACHING,
  });
}

/** The grain of most alarms. */
export const ALARM_PERIOD: Duration = Duration.minutes(5);
/** A queue that nobody used for hours shows its first metrics so late (Amazon SQS Developer Guide, "Monitoring"). */
export const METRICS_OF_IDLE_QUEUE: Duration = Duration.minutes(15);
