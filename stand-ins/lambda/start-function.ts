import { openDisk, type EnvironmentDisk } from './open-disk.ts';
import type { ExecutionEnvironment, FunctionOptions } from './open-environment.ts';
import { openEnvironment } from './open-environment.ts';
import { MAX_PAYLOAD_BYTES, type Invocation } from './start-runtime-api.ts';

export type { FunctionOptions } from './open-environment.ts';
export type { Invocation } from './start-runtime-api.ts';

/** A function as Lambda runs it: fresh processes, one event at a time in each. */
export interface LambdaFunction {
  readonly name: string;
  /** Runs it on an event, in a process that is free or in a new one; rejects only once it was stopped. */
  invoke(event: unknown): Promise<Invocation>;
  /** Ends its processes in the middle of whatever they do, as a crash does: what they left in `/tmp` stays. */
  kill(): Promise<void>;
  /** Ends its processes once they are idle, as Lambda does in time; what comes after starts with a new one. */
  retire(): Promise<void>;
  /** The processes that live, busy and idle. */
  pids(): readonly number[];
  /** The most memory that was resident in one environment so far, bytes. */
  peakMemory(): number;
  /** Ends it for good; what is under way fails. */
  stop(): Promise<void>;
}

/** Makes a function ready to be invoked; its first process starts with its first event. */
export function startFunction(options: FunctionOptions): LambdaFunction {
  const environments = new Set<ExecutionEnvironment>();
  const idle: ExecutionEnvironment[] = [];
  const opening = new Set<Promise<ExecutionEnvironment>>();
  const retired = new WeakSet<ExecutionEnvironment>();
  /** Of environments whose process died: the next one starts beside what it left. */
  const disks: EnvironmentDisk[] = [];
  let stopped = false;
  let peak = 0;

  async function open(): Promise<ExecutionEnvironment> {
    const opened = startProcess();
    opening.add(opened);
    try {
      const environment = await opened;
      environments.add(environment);
      return environment;
    } finally {
      opening.delete(opened);
    }
  }

  async function startProcess(): Promise<ExecutionEnvironment> {
    return openEnvironment(options, disks.pop() ?? (await openDisk(options.name, options.storageMb)));
  }

  function forgetDead(environment: ExecutionEnvironment): void {
    if (environments.delete(environment)) disks.push(environment.disk);
  }

  async function discard(environment: ExecutionEnvironment): Promise<void> {
    environments.delete(environment);
    await environment.kill();
    await environment.disk.discard();
  }

  function takeIdle(): ExecutionEnvironment | undefined {
    // The one used last is the warmest.
    for (let environment = idle.pop(); environment !== undefined; environment = idle.pop()) {
      if (environment.isAlive()) return environment;
      forgetDead(environment);
    }
    return undefined;
  }

  async function invoke(event: unknown): Promise<Invocation> {
    if (stopped) throw new Error(`function ${options.name} is stopped: it takes no more events`);
    const bytes = Buffer.byteLength(JSON.stringify(event) ?? '');
    if (bytes > MAX_PAYLOAD_BYTES) {
      const message = `${bytes} byte payload is too large for the RequestResponse invocation type (limit ${MAX_PAYLOAD_BYTES} bytes)`;
      return { outcome: 'failed', errorType: 'RequestEntityTooLargeException', message, ms: 0 };
    }
    const startedAt = performance.now();
    const environment = takeIdle() ?? (await open());
    const openedIn = performance.now() - startedAt;
    const invocation = await environment.run(event);
    peak = Math.max(peak, environment.peakMemory());
    if (retired.has(environment)) await discard(environment);
    else if (environment.isAlive()) idle.push(environment);
    else forgetDead(environment);
    return { ...invocation, ms: invocation.ms + openedIn };
  }

  async function kill(): Promise<void> {
    await Promise.allSettled(opening);
    const ending = [...environments];
    await Promise.all(ending.map((environment) => environment.kill()));
    for (const environment of ending) forgetDead(environment);
  }

  async function retire(): Promise<void> {
    for (const environment of environments) retired.add(environment);
    await Promise.all(idle.splice(0).map(discard));
  }

  return {
    name: options.name,
    invoke,
    kill,
    retire,
    pids: () => [...environments].filter((environment) => environment.isAlive()).map(({ pid }) => pid),
    peakMemory: () => peak,
    stop: async () => {
      stopped = true;
      await kill();
      await Promise.all(disks.splice(0).map((disk) => disk.discard()));
    },
  };
}
