import { Tracer } from '@aws-lambda-powertools/tracer';

type Handler<Event, Context, Result> = (event: Event, context: Context) => Promise<Result>;

/** Puts each call of a handler, and the HTTPS requests that it makes, into the trace that Lambda has begun. */
export function traceHandler<Event, Context, Result>(
  service: string,
  handler: Handler<Event, Context, Result>,
): Handler<Event, Context, Result> {
  const tracer = new Tracer({ serviceName: service });
  return async (event, context) => {
    const parent = tracer.isTracingEnabled() ? tracer.getSegment() : undefined;
    const segment = parent?.addNewSubsegment(`## ${service}`);
    if (segment !== undefined) tracer.setSegment(segment);
    try {
      return await handler(event, context);
    } catch (error) {
      tracer.addErrorAsMetadata(error instanceof Error ? error : new Error(String(error)));
      throw error;
    } finally {
      segment?.close();
      if (parent !== undefined) tracer.setSegment(parent);
    }
  };
}
