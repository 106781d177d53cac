import { z } from 'zod';

/** A function as its price depends on it. */
export interface PricedFunction {
  readonly memoryGb: number;
  readonly architecture: 'arm64' | 'x86_64';
}

/** What a stack has that is paid for, counted in its template. */
export interface StackCount {
  /** Metrics that alarms watch: each is paid for as an alarm. */
  readonly alarms: number;
  readonly dashboards: number;
  readonly schedules: number;
  readonly secrets: number;
  /** Metrics of our own that alarms watch; each cluster and each service has its own. */
  readonly customMetrics: number;
  /** Queues that Lambda polls. */
  readonly polledQueues: number;
  readonly functions: Readonly<Record<FunctionKind, readonly PricedFunction[]>>;
}

export type FunctionKind = 'githubWebhook' | 'sourceSync' | 'imageUpdate' | 'reconcile' | 'notify';

const Resource = z.looseObject({ Type: z.string(), Properties: z.record(z.string(), z.unknown()).default({}) });
const Template = z.looseObject({ Resources: z.record(z.string(), Resource) });
const LambdaFunction = z.looseObject({
  MemorySize: z.number(),
  Architectures: z.tuple([z.enum(['arm64', 'x86_64'])]),
});
const Mapping = z.looseObject({ FunctionName: z.unknown(), EventSourceArn: z.unknown() });

/** How the logical ids of the functions begin. */
const KINDS = {
  githubWebhook: 'Webhook',
  sourceSync: 'SourceSync',
  imageUpdate: 'ImageUpdate',
  reconcile: 'Reconcile',
  notify: 'Notify',
} as const satisfies Record<FunctionKind, string>;

/** Counts what a synthesized template makes. */
export function countStack(template: unknown, ownNamespace: string): StackCount {
  const resources = Object.entries(Template.parse(template).Resources);
  const ofType = (type: string) => resources.filter(([, { Type }]) => Type === type);
  const functionsOf = (kind: FunctionKind): readonly PricedFunction[] =>
    ofType('AWS::Lambda::Function')
      .filter(([id]) => id.startsWith(KINDS[kind]))
      .map(([, { Properties }]) => {
        const { MemorySize, Architectures } = LambdaFunction.parse(Properties);
        return { memoryGb: MemorySize / 1024, architecture: Architectures[0] };
      });
  const mappings = ofType('AWS::Lambda::EventSourceMapping').map(([, { Properties }]) => Mapping.parse(Properties));
  return {
    alarms: ofType('AWS::CloudWatch::Alarm').reduce(
      (count, [, { Properties }]) => count + watchedMetrics(Properties['Metrics']),
      0,
    ),
    dashboards: ofType('AWS::CloudWatch::Dashboard').length,
    schedules: ofType('AWS::Scheduler::Schedule').length,
    secrets: ofType('AWS::SecretsManager::Secret').length,
    customMetrics: ofType('AWS::CloudWatch::Alarm').filter(
      ([, { Properties }]) => Properties['Namespace'] === ownNamespace,
    ).length,
    polledQueues: mappings.filter(({ EventSourceArn }) => JSON.stringify(EventSourceArn).includes('Queue')).length,
    functions: {
      githubWebhook: functionsOf('githubWebhook'),
      sourceSync: functionsOf('sourceSync'),
      imageUpdate: functionsOf('imageUpdate'),
      reconcile: functionsOf('reconcile'),
      notify: functionsOf('notify'),
    },
  };
}

/** One, unless the alarm calculates with several. */
function watchedMetrics(metrics: unknown): number {
  const queries = z.array(z.looseObject({ MetricStat: z.unknown().optional() })).safeParse(metrics);
  return queries.success ? queries.data.filter(({ MetricStat }) => MetricStat !== undefined).length : 1;
}
