import { type FleetFiles, readFleet } from '#demo/read-fleet.ts';
import { type ServeEnvironment, startServeEnvironment } from '#demo/serve-environment.ts';
import { type Awaited, notYet, sighted, waitFor } from '#demo/wait-for.ts';
import type { StatusRecord } from '#shared/records/journal-record.ts';

/** An environment without AWS, whose repository holds the examples without their image automation, and some files more. */
export function startSmallEnvironment(change: (files: FleetFiles) => FleetFiles): Promise<ServeEnvironment> {
  return startServeEnvironment({
    registry: false,
    files: async (url) => {
      const { 'clusters/my-cluster/podinfo-image.yaml': _automation, ...files } = await readFleet(url);
      return change(files);
    },
  });
}

/** Waits as the story does. */
export function waitOn<Value>(environment: ServeEnvironment, awaited: Awaited<Value>): Promise<Value> {
  return waitFor(awaited, {
    onWait: () => {},
    hopeless: () => environment.serve.unexpectedEnd(),
    logs: [environment.serve.logFile],
  });
}

/** The recorded status of a Flux object, once it says something definite. */
export function awaitStatus(environment: ServeEnvironment, kind: string, name: string): Promise<StatusRecord> {
  return waitOn(environment, {
    what: `the status of ${kind} ${name}`,
    look: async () => {
      const statuses = await environment.journal.statuses();
      const status = statuses.find(({ object }) => object.kind === kind && object.name === name);
      const ready = status?.conditions.find(({ type }) => type === 'Ready');
      const isDefinite = status !== undefined && ready !== undefined && ready.status !== 'Unknown';
      return isDefinite ? sighted(status) : notYet(JSON.stringify(status?.conditions ?? 'no status'));
    },
  });
}
