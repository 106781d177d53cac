import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';

import { METRICS } from '#shared/settings/metric-names.ts';

/** Writes one count as a line of CloudWatch's embedded metric format. */
export type WriteCount = (name: string, count: number, dimensions?: Readonly<Record<string, string>>) => void;

/** Metrics that cost no call: CloudWatch reads them from the log. */
export function createPowertoolsMetrics(service: string): WriteCount {
  const metrics = new Metrics({ namespace: METRICS.namespace, serviceName: service });
  return (name, count, dimensions = {}) => {
    const single = metrics.singleMetric();
    single.addDimensions({ ...dimensions });
    single.addMetric(name, MetricUnit.Count, count);
  };
}
