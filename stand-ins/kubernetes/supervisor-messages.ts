import { z } from 'zod';

const startRequest = z.strictObject({
  name: z.string(),
  command: z.string(),
  args: z.array(z.string()),
  env: z.record(z.string(), z.string()),
  logFile: z.string(),
});

const supervisorReport = z.discriminatedUnion('event', [
  z.strictObject({ name: z.string(), event: z.literal('started'), pid: z.int() }),
  z.strictObject({ name: z.string(), event: z.literal('exited'), reason: z.string() }),
]);

/** What the owner of a cluster asks its supervisor to run. */
export type StartRequest = Readonly<z.infer<typeof startRequest>>;

/** What a supervisor tells the owner of a cluster about one of its processes. */
export type SupervisorReport = Readonly<z.infer<typeof supervisorReport>>;

/** Reads a request to start a process. */
export function parseStartRequest(message: unknown): StartRequest {
  return startRequest.parse(message);
}

/** Reads a report about a process. */
export function parseSupervisorReport(message: unknown): SupervisorReport {
  return supervisorReport.parse(message);
}
