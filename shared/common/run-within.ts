/**
 * Waits so long for an answer, and no longer; what comes later is nobody's.
 * @throws what `late` makes, where it does not come in time.
 */
export async function runWithin<Answer>(ms: number, work: () => Promise<Answer>, late: () => Error): Promise<Answer> {
  if (ms === Infinity) return work();
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), Math.max(ms, 0));
  });
  try {
    return await Promise.race([work(), over]);
  } finally {
    clearTimeout(timer);
  }
}
