import type { Template } from '../synthesize.ts';
import type { Datum } from './evaluate-alarm.ts';
import type { Behavior, QueuePlay } from './play-queue.ts';
import { playQueue } from './play-queue.ts';
import type { StreamPlay } from './play-stream.ts';
import { playStream } from './play-stream.ts';
import { metricKey } from './read-alarms.ts';
import { readQueuePollers, readStreamPoller } from './read-pollers.ts';

/** What happens to one queue beside its ticks; all times are seconds. */
export interface QueueStory {
  readonly messages?: QueuePlay['messages'];
  readonly behave?: QueuePlay['behave'];
  readonly isPolled?: QueuePlay['isPolled'];
  /** False while its schedule sends nothing. */
  readonly isTicking?: (at: number) => boolean;
}

/** What happens to an installation. Where it says nothing, all is well and quiet. */
export interface Story {
  readonly until: number;
  /** By name: `source-sync`, `reconcile-production`. */
  readonly queues?: Readonly<Record<string, QueueStory>>;
  /** What of a cluster waits for a person. */
  readonly concerns?: Readonly<Record<string, (at: number) => number>>;
  /** What source-sync logs of webhooks: `found` by a tick, or `told`. */
  readonly webhooks?: readonly { readonly at: number; readonly says: 'found' | 'told' }[];
  readonly dropped?: readonly number[];
  readonly stream?: Pick<StreamPlay, 'records' | 'behave' | 'pause'>;
  /** When the first metrics of the queues are written. */
  readonly metricsFrom?: number;
}

/** How late metrics are shown, and at which second of a minute ticks come. */
export interface Timing {
  readonly lag: number;
  readonly phase: number;
}

const QUICK: Behavior = { outcome: 'done', seconds: 0.5 };

/** What CloudWatch gets to see of an installation of this template, by metric. */
export function playInstallation(
  template: Template,
  story: Story,
  { lag, phase }: Timing,
): ReadonlyMap<string, readonly Datum[]> {
  const { until } = story;
  const shown = (at: number, value: number): Datum => ({ at, value, shownAt: at + lag });
  const data = new Map<string, readonly Datum[]>();
  for (const poller of readQueuePollers(template)) {
    const { messages = [], behave = () => QUICK, isTicking = () => true, ...rest } = story.queues?.[poller.name] ?? {};
    const cluster = /^reconcile-(?<cluster>.+)$/u.exec(poller.name)?.groups?.['cluster'];
    // A cluster has one group, so that its runs follow one another.
    const group = cluster ?? 'tick';
    const ticks = Array.from({ length: Math.floor(until / 60) }, (_, minute) => minute * 60 + phase).filter(isTicking);
    const played = playQueue(poller, {
      messages: [...messages, ...ticks.map((at) => ({ at, group }))],
      behave,
      ...rest,
      until,
      lag,
      metricsFrom: story.metricsFrom,
    });
    const ofQueue = (name: string, queue: string): string => metricKey('AWS/SQS', name, { QueueName: queue });
    data.set(ofQueue('NumberOfMessagesSent', poller.queue), played.sent);
    data.set(ofQueue('ApproximateAgeOfOldestMessage', poller.queue), played.oldest);
    data.set(ofQueue('ApproximateNumberOfMessagesVisible', poller.deadLetters), played.deadLetters);
    if (cluster === undefined) continue;
    const count = story.concerns?.[cluster] ?? (() => 0);
    data.set(
      metricKey('Tidegate', 'Concerns', { service: 'reconcile', cluster }),
      played.returned.map((at) => shown(at, count(at))),
    );
  }
  const stream = readStreamPoller(template);
  const { iteratorAge, lost } = playStream(stream, {
    ...(story.stream ?? { records: [], behave: () => ({ ok: true, seconds: 1 }), pause: 1 }),
    until,
    lag,
  });
  data.set(metricKey('AWS/Lambda', 'IteratorAge', { FunctionName: stream.function }), iteratorAge);
  data.set(metricKey('AWS/SQS', 'ApproximateNumberOfMessagesVisible', { QueueName: stream.lost }), lost);
  data.set(
    metricKey('Tidegate', 'MissedWebhooks', {}),
    (story.webhooks ?? []).map(({ at, says }) => shown(at, says === 'found' ? 1 : 0)),
  );
  data.set(
    metricKey('Tidegate', 'Dropped', {}),
    (story.dropped ?? []).map((at) => shown(at, 1)),
  );
  return data;
}
