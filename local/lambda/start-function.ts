import { openEnvironment } from './open-environment.ts';
import type { ExecutionEnvironment, FunctionOptions } from './open-environment.ts';
import type { Invocation } from './start-runtime-api.ts';

export type { FunctionOptions } from './open-environment.ts';
export type { Invocation } from './start-runtime-api.ts';

/** A function as Lambda runs it: fresh processes, one event at a time in each. */
export interface LambdaFunction {
  readonly name: string;
  /** Runs it on an event, in a process that is free or in a new one; rejects only once it was stopped. */
  invoke(event: unknown): Promise<Invocation>;
  /** Ends its processes in the middle of whatever they do, as a crash does. */
  kill(): Promise<void>;
  /** Ends its processes once they are idle, as Lambda does in time; what comes after starts with a new one. */
  retire(): Promise<void>;
  /** The processes that live, busy and idle. */
  pids(): readonly number[];
  /** Ends it for good; what is under way fails. */
  stop(): Promise<void>;
}

/** Makes a function ready to be invoked; its first process starts with its first event. */
export function startFunction(options: FunctionOptions): LambdaFunction {
  const environments = new Set<ExecutionEnvironment>();
  const idle: ExecutionEnvironment[] = [];
  const opening = new Set<Promise<ExecutionEnvironment>>();
  const retired = new WeakSet<ExecutionEnvironment>();
  let stopped = false;

  async function open(): Promise<ExecutionEnvironment> {
    const opened = openEnvironment(options);
    opening.add(opened);
    try {
      const environment = await opened;
      environments.add(environment);
      return environment;
    } finally {
      opening.delete(opened);
    }
  }

  function takeIdle(): ExecutionEnvironment | undefined {
    // The one used last is the warmest.
    for (let environment = idle.pop(); environment !== undefined; environment = idle.pop()) {
      if (environment.isAlive()) return environment;
      environments.delete(environment);
    }
    return undefined;
  }

  async function invoke(event: unknown): Promise<Invocation> {
    if (stopped) throw new Error(`function ${options.name} is stopped: it takes no more events`);
    const startedAt = performance.now();
    const environment = takeIdle() ?? (await open());
    const openedIn = performance.now() - startedAt;
    const invocation = await environment.run(event);
    if (retired.has(environment)) await environment.kill();
    if (environment.isAlive()) idle.push(environment);
    else environments.delete(environment);
    return { ...invocation, ms: invocation.ms + openedIn };
  }

  async function kill(): Promise<void> {
    await Promise.allSettled(opening);
    await Promise.all([...environments].map((environment) => environment.kill()));
    environments.clear();
  }

  async function retire(): Promise<void> {
    for (const environment of environments) retired.add(environment);
    const ending = idle.splice(0);
    await Promise.all(ending.map((environment) => environment.kill()));
    for (const environment of ending) environments.delete(environment);
  }

  return {
    name: options.name,
    invoke,
    kill,
    retire,
    pids: () => [...environments].filter((environment) => environment.isAlive()).map(({ pid }) => pid),
    stop: async () => {
      stopped = true;
      await kill();
    },
  };
}
