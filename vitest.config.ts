import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files of minutes: what begins last with one of them ends with one worker at work. */
const LONG = [/test\/model\//u, /test\/lambda\/worker-faults/u, /test\/integration\/installations/u];

class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isLong = ({ moduleId }: TestSpecification): boolean => LONG.some((pattern) => pattern.test(moduleId));
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['./test/prepare-stand-ins.ts'],
    setupFiles: ['./test/watch-temporary-files.ts'],
    reporters: ['default', './test/closing-line-reporter.ts'],
    // Two cores, and each file that needs a cluster starts a control plane of its own.
    maxWorkers: 2,
    sequence: { sequencer: LongFirst },
    // A property with its full count takes its time; a hang still ends.
    testTimeout: process.env['TIDEGATE_FULL'] === '1' ? 1_200_000 : 60_000,
    hookTimeout: 600_000,
    allowOnly: false,
    passWithNoTests: false,
  },
});
