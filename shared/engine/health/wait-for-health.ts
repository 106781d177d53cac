import { mayStart, type ApplyRun } from '../model/apply-run.ts';
import { assessSets } from './assess-sets.ts';

const FIRST_POLL_MS = 100;
const LONGEST_POLL_MS = 2000;

/**
 * Waits until a Kustomization that awaits health gets its verdict. It gives up, and leaves the rest to the next run, when
 * the time for lingering is over, a newer revision waits, or the run may start no request.
 * @returns whether there is a verdict that may let another Kustomization go on.
 */
export async function waitForHealth(run: ApplyRun): Promise<boolean> {
  let pause = FIRST_POLL_MS;
  while ([...run.progress.values()].some((progress) => progress.phase === 'applied')) {
    if (!mayStart(run)) return false;
    if (await assessSets(run)) return true;
    if (await run.ports.isSuperseded()) {
      run.ended = 'superseded';
      return false;
    }
    if (run.ports.clock.now() + pause > run.request.awaitHealthUntil) return false;
    await run.ports.clock.sleep(pause);
    pause = Math.min(pause * 1.5, LONGEST_POLL_MS);
  }
  return false;
}
