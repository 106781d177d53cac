import { TidegateError } from './tidegate-error.ts';

/** Nothing is wrong with it: the run that would have done it has no time left, and the next one does it. */
export function outOfTime(subject: string): TidegateError {
  return new TidegateError('OutOfTime', `${subject} was not reached: the time of the run was up`, {
    disposition: 'retry',
    subject,
  });
}
