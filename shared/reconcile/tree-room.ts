import type { SourceTree } from '#shared/common/source-tree.ts';
import { DEFAULT_SOURCE_LIMITS } from '#shared/sources/artifact.ts';

/** How much of all sources a process holds at a time. */
export interface TreeRoomLimits {
  /** Trees, and what those that are being read may turn out to be. */
  readonly maxBytes: number;
  /** What reading one may take: the artifact, the tree that is unpacked from it, and what is on its way from one to the other. */
  readonly readBytes: number;
}

/** The trees of sources that are in memory, bounded by their bytes; one for the whole process. */
export interface TreeRoom {
  /**
   * Does something with the tree of a digest: reads it when there is room, or finds it there. It must not be held on to
   * afterwards, and no other one be asked for meanwhile.
   * @throws what `read` throws.
   */
  use<T>(digest: string, read: () => Promise<SourceTree>, work: (tree: SourceTree) => Promise<T>): Promise<T>;
  /** Lets go of all that nobody uses: the run that may have come back to it is done. */
  forgetIdle(): void;
}

/** Two of the largest sources may be read at once, or six be there; a function has room for these and what they render to. */
const DEFAULT_LIMITS: TreeRoomLimits = {
  maxBytes: 6 * DEFAULT_SOURCE_LIMITS.bytes,
  readBytes: 3 * DEFAULT_SOURCE_LIMITS.bytes,
};

interface Place {
  readonly tree: Promise<SourceTree>;
  users: number;
}

/** A tree that nobody uses stays while there is room, because the next level of Kustomizations may come from it. */
export function createTreeRoom({ maxBytes, readBytes }: TreeRoomLimits = DEFAULT_LIMITS): TreeRoom {
  const places = new Map<string, Place>();
  /** What is taken, by digest. */
  const taken = new Map<string, number>();
  /** Digests that nobody uses, those that wait for longest first. */
  const idle = new Set<string>();
  const waiting: (() => void)[] = [];
  let used = 0;

  function take(digest: string, bytes: number): void {
    used += bytes - (taken.get(digest) ?? 0);
    taken.set(digest, bytes);
  }

  function forget(digest: string): void {
    take(digest, 0);
    taken.delete(digest);
    idle.delete(digest);
    places.delete(digest);
  }

  /** Lets in who waits, in order, and lets go of what is idle for that. One alone always has room. */
  function letIn(): void {
    for (let [next] = waiting; next !== undefined; [next] = waiting) {
      for (const digest of idle) {
        if (used + readBytes <= maxBytes) break;
        forget(digest);
      }
      if (used > 0 && used + readBytes > maxBytes) return;
      waiting.shift();
      next();
    }
  }

  async function enter(digest: string, read: () => Promise<SourceTree>): Promise<SourceTree> {
    await new Promise<void>((resolve) => {
      waiting.push(() => {
        take(digest, readBytes);
        resolve();
      });
      letIn();
    });
    let bytes = 0;
    try {
      const tree = await read();
      bytes = sizeOf(tree);
      return tree;
    } finally {
      take(digest, bytes);
      letIn();
    }
  }

  return {
    use: async (digest, read, work) => {
      const place = places.get(digest) ?? { tree: enter(digest, read), users: 0 };
      places.set(digest, place);
      place.users += 1;
      idle.delete(digest);
      try {
        return await work(await place.tree);
      } finally {
        place.users -= 1;
        if (place.users === 0) {
          idle.add(digest);
          letIn();
        }
      }
    },
    forgetIdle: () => [...idle].forEach(forget),
  };
}

function sizeOf(tree: SourceTree): number {
  let bytes = 0;
  for (const file of tree.values()) bytes += file.bytes.byteLength;
  return bytes;
}
