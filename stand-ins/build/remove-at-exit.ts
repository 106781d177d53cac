import { rmSync } from 'node:fs';

const paths = new Set<string>();

/**
 * Removes a path when this process ends in whatever way but a SIGKILL: by a second Ctrl-C, an exception, a closed pipe.
 * @returns what takes the promise back, once somebody has removed it in order or wants to keep it.
 */
export function removeAtExit(path: string): () => void {
  if (paths.size === 0) process.on('exit', removeAll);
  paths.add(path);
  return () => {
    paths.delete(path);
    if (paths.size === 0) process.off('exit', removeAll);
  };
}

function removeAll(): void {
  for (const path of paths) {
    try {
      rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 });
    } catch {
      // A process that still writes there is ended by its supervisor, which then removes it too.
    }
  }
}
