import { readFileSync } from 'node:fs';

/** Between two looks more may come and go; of the process itself the kernel remembers the most. */
const LOOK_MS = 100;

/** Looks at what a process and all that it started hold in memory. */
export interface MemoryWatch {
  /** The process begins to work, or goes on. */
  start(): void;
  /** It is idle or gone. */
  stop(): void;
  /** The most that was resident at once, bytes. */
  peak(): number;
  isExceeded(): boolean;
}

/**
 * Bounds resident memory as Lambda does, where more than the function's is the end of the process: V8's heap is only a
 * part of it, buffers and child processes lie outside. Where there is no /proc nothing is bounded.
 */
export function watchMemory(pid: number, limit: number, onExceeded: () => void): MemoryWatch {
  let peak = 0;
  let exceeded = false;
  let timer: NodeJS.Timeout | undefined;

  function look(): void {
    peak = Math.max(peak, residentBytes(pid));
    if (peak <= limit || exceeded) return;
    exceeded = true;
    onExceeded();
  }

  return {
    start: () => {
      timer ??= setInterval(look, LOOK_MS).unref();
    },
    stop: () => {
      clearInterval(timer);
      timer = undefined;
      if (!exceeded) look();
    },
    peak: () => peak,
    isExceeded: () => exceeded,
  };
}

/** The most that the process held, and what its children hold now. */
function residentBytes(pid: number): number {
  const own = readKilobytes(pid, 'VmHWM') * 1024;
  return childrenOf(pid).reduce((sum, child) => sum + treeBytes(child), own);
}

function treeBytes(pid: number): number {
  const own = readKilobytes(pid, 'VmRSS') * 1024;
  return childrenOf(pid).reduce((sum, child) => sum + treeBytes(child), own);
}

function readKilobytes(pid: number, field: string): number {
  const line = new RegExp(`^${field}:\\s*(?<kilobytes>\\d+) kB$`, 'mu').exec(readProc(pid, 'status'));
  return Number(line?.groups?.['kilobytes'] ?? 0);
}

function childrenOf(pid: number): readonly number[] {
  return readProc(pid, `task/${pid}/children`).split(' ').filter(Boolean).map(Number);
}

function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    // It is gone, or this system has no /proc.
    return '';
  }
}
