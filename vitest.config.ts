import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['./test/prepare-stand-ins.ts'],
    setupFiles: ['./test/watch-temporary-files.ts'],
    reporters: ['default', './test/closing-line-reporter.ts'],
    // Two cores, and each file that needs a cluster starts a control plane of its own.
    maxWorkers: 2,
    // A property with its full count takes its time; a hang still ends.
    testTimeout: process.env['TIDEGATE_FULL'] === '1' ? 1_200_000 : 60_000,
    hookTimeout: 600_000,
    allowOnly: false,
    passWithNoTests: false,
  },
});
