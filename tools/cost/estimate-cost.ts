import type { PricedFunction, StackCount } from './count-stack.ts';
import { LIST_PRICES } from './list-prices.ts';

/** What is not in the template: how much happens, and how long it takes. The second half is assumed, not measured in AWS. */
export const USAGE = {
  ticksAMonth: 30 * 24 * 60,
  /** Lambda asks each queue with five connections that wait 20 seconds each, whether there is work or not. */
  pollsAMinute: 15,
  kustomizationsACluster: 20,
  sourcesACluster: 5,
  /** The interval of the Kustomizations is ten minutes; a run is about the whole cluster. */
  runsAMonth: 30 * 24 * 6,
  deploymentsAMonth: 300,
  deliveriesADeployment: 5,
  artifactMegabytes: 1,
  seconds: {
    githubWebhook: 0.05,
    /** Of a tick: so much, and so much more for each source. */
    sourceSync: 0.5,
    sourceSyncOfSource: 0.05,
    imageUpdate: 0.5,
    imageUpdateOfCluster: 0.2,
    /** Of a tick at which nothing is due. */
    reconcileTick: 0.1,
    /** Of a run over about a thousand objects in which little has changed. */
    reconcileRun: 4,
    notify: 0.2,
  },
  readUnits: { reconcileTick: 10, sourceSyncOfCluster: 6, imageUpdateOfCluster: 6 },
  /** Of a run or a deployment: a record for each Kustomization, and some events. */
  writeUnits: 30,
  logKilobytes: { invocation: 1, run: 10 },
  secretReadsAnHour: 12,
} as const;

/** One term of the bill. */
export interface CostLine {
  readonly term: string;
  /** US dollars a month. */
  readonly dollars: number;
}

/** What one stack costs a month in which each of its clusters is deployed to ten times a day. */
export function estimateCost(stack: StackCount): readonly CostLine[] {
  const clusters = stack.functions.reconcile.length;
  const { ticksAMonth, seconds, readUnits, writeUnits } = USAGE;
  const runs = clusters * (USAGE.runsAMonth + USAGE.deploymentsAMonth);
  const deployments = clusters * USAGE.deploymentsAMonth;
  const deliveries = deployments * USAGE.deliveriesADeployment;
  const messages = stack.schedules * ticksAMonth + deliveries + runs;
  const polls = stack.polledQueues * USAGE.pollsAMinute * ticksAMonth;
  const invocations = messages + deliveries + runs;
  const compute = [
    priceCompute(stack.functions.githubWebhook, deliveries * seconds.githubWebhook),
    priceCompute(
      stack.functions.sourceSync,
      ticksAMonth * (seconds.sourceSync + clusters * USAGE.sourcesACluster * seconds.sourceSyncOfSource),
    ),
    priceCompute(
      stack.functions.imageUpdate,
      ticksAMonth * (seconds.imageUpdate + clusters * seconds.imageUpdateOfCluster),
    ),
    // Every cluster has a function of its own, and all are alike.
    priceCompute(
      stack.functions.reconcile,
      clusters * ticksAMonth * seconds.reconcileTick + runs * seconds.reconcileRun,
    ),
    priceCompute(stack.functions.notify, runs * seconds.notify),
  ];
  const reads = clusters * (readUnits.reconcileTick + readUnits.sourceSyncOfCluster + readUnits.imageUpdateOfCluster);
  const storedGb = (deployments * 3 * USAGE.artifactMegabytes) / 1024;
  const readingFunctions = stack.functions.githubWebhook.length + 3;
  const price = LIST_PRICES;
  return [
    { term: 'CloudWatch alarms', dollars: stack.alarms * price.alarmMonth },
    { term: 'CloudWatch metrics', dollars: stack.customMetrics * price.customMetricMonth },
    { term: 'CloudWatch dashboard', dollars: stack.dashboards * price.dashboardMonth },
    {
      term: 'CloudWatch logs',
      dollars:
        ((invocations * USAGE.logKilobytes.invocation + runs * USAGE.logKilobytes.run) / 1024 / 1024) * price.logGb,
    },
    {
      term: 'Lambda',
      dollars: invocations * price.lambdaRequest + compute.reduce((sum, dollars) => sum + dollars, 0),
    },
    // Sent and deleted; what they are received with is among the polls.
    { term: 'SQS', dollars: (polls + messages * 2) * price.fifoRequest },
    { term: 'EventBridge Scheduler', dollars: stack.schedules * ticksAMonth * price.schedulerInvocation },
    { term: 'X-Ray', dollars: invocations * price.trace },
    {
      term: 'DynamoDB',
      dollars:
        ticksAMonth * reads * price.dynamoReadUnit +
        runs * writeUnits * price.dynamoWriteUnit +
        clusters * 0.01 * price.dynamoGbMonth,
    },
    {
      term: 'S3',
      dollars: runs * 2 * price.s3Get + (runs + deployments) * price.s3Put + storedGb * price.s3GbMonth,
    },
    {
      term: 'Secrets Manager',
      dollars:
        stack.secrets * price.secretMonth + readingFunctions * USAGE.secretReadsAnHour * 24 * 30 * price.secretRead,
    },
    { term: 'API Gateway', dollars: deliveries * price.httpApiRequest },
  ];
}

/** So many seconds on functions that are all like the first. */
function priceCompute([first]: readonly PricedFunction[], seconds: number): number {
  if (first === undefined) return 0;
  const price = first.architecture === 'arm64' ? LIST_PRICES.lambdaGbSecondArm : LIST_PRICES.lambdaGbSecondX86;
  return seconds * first.memoryGb * price;
}
