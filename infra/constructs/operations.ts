import { Stack } from 'aws-cdk-lib';
import type { IMetric } from 'aws-cdk-lib/aws-cloudwatch';
import { Dashboard, GraphWidget } from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';

import { ALARM_PERIOD } from './runbook-alarm.ts';
import type { TidegateFunction } from './tidegate-function.ts';
import type { WorkQueue } from './work-queue.ts';

export interface OperationsProps {
  readonly queues: Readonly<Record<string, WorkQueue>>;
  readonly workers: Readonly<Record<string, TidegateFunction>>;
}

/** One page that shows whether changes flow; the alarms stand with what they watch. */
export class Operations extends Construct {
  readonly dashboard: Dashboard;

  constructor(scope: Construct, id: string, { queues, workers }: OperationsProps) {
    super(scope, id);
    // The dashboards of all regions are in one list.
    this.dashboard = new Dashboard(this, 'Dashboard', { dashboardName: Stack.of(this).stackName });
    const queueGraph = (title: string, metricOf: (queue: WorkQueue, label: string) => IMetric): GraphWidget =>
      graph(title, Object.entries(queues), metricOf);
    const workerGraph = (title: string, metricOf: (worker: TidegateFunction, label: string) => IMetric): GraphWidget =>
      graph(title, Object.entries(workers), metricOf);
    const period = ALARM_PERIOD;
    this.dashboard.addWidgets(
      queueGraph('Oldest message, seconds', ({ queue }, label) =>
        queue.metricApproximateAgeOfOldestMessage({ period, label, statistic: 'Maximum' }),
      ),
      queueGraph('Dead letters', ({ deadLetters }, label) =>
        deadLetters.metricApproximateNumberOfMessagesVisible({ period, label, statistic: 'Maximum' }),
      ),
    );
    this.dashboard.addWidgets(
      workerGraph('Throttles', (worker, label) => worker.function.metricThrottles({ period, label })),
      workerGraph('Invocations', (worker, label) => worker.function.metricInvocations({ period, label })),
    );
    this.dashboard.addWidgets(
      workerGraph('Errors', (worker, label) => worker.function.metricErrors({ period, label })),
      workerGraph('Duration, milliseconds', (worker, label) =>
        worker.function.metricDuration({ period, label, statistic: 'p95' }),
      ),
    );
  }
}

function graph<Item>(
  title: string,
  items: readonly (readonly [string, Item])[],
  metricOf: (item: Item, label: string) => IMetric,
): GraphWidget {
  return new GraphWidget({ title, width: 12, left: items.map(([label, item]) => metricOf(item, label)) });
}
