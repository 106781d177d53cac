const MOST = 20_000;

/**
 * Remembers what git answers about objects that are named by their whole ids: neither they nor anything between them ever changes.
 * What is asked by the name of a branch is asked of git each time.
 */
export function rememberByIds<T>(work: (directory: string, ...ids: readonly string[]) => Promise<T>): typeof work {
  const known = new Map<string, Promise<T>>();
  return async (directory, ...ids) => {
    if (!ids.every((id) => /^[0-9a-f]{40}$/u.test(id))) return await work(directory, ...ids);
    const key = [directory, ...ids].join(' ');
    const before = known.get(key);
    if (before !== undefined) return await before;
    if (known.size >= MOST) known.clear();
    const answer = work(directory, ...ids);
    known.set(key, answer);
    // A process that could not be started says nothing about the objects.
    answer.catch(() => known.delete(key));
    return await answer;
  };
}
