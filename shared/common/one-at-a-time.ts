/** Lets work wait for its turn. */
export type OneAtATime = <Answer>(work: () => Promise<Answer>) => Promise<Answer>;

/** Work begins, in the order in which it was asked for, when all before it is done, however that ended. */
export function createOneAtATime(): OneAtATime {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const done = last.then(work);
    last = done.catch(() => undefined);
    return done;
  };
}
