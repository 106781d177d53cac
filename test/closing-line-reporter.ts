import type { Reporter, TestModule, TestRunEndReason } from 'vitest/node';

/**
 * Ends the run with `N passed, N failed` on a line of its own. A test that did not run is a failure under CI: a missing
 * tool must never look like a green run.
 */
class ClosingLineReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[], reason: TestRunEndReason): void {
    let passed = 0;
    let failed = errors.length;
    let notRun = 0;
    for (const module of modules) {
      const tests = [...module.children.allTests()];
      if (tests.length === 0 && module.state() === 'failed') failed += 1;
      for (const test of tests) {
        const { state } = test.result();
        if (state === 'passed') passed += 1;
        else if (state === 'failed') failed += 1;
        else notRun += 1;
      }
    }
    if (process.env['CI'] === 'true' && notRun > 0) {
      process.stdout.write(`\n${notRun} tests did not run; under CI that is a failure\n`);
      failed += notRun;
    }
    if (failed > 0 || reason === 'failed') process.exitCode = 1;
    process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
  }
}

// Vitest loads a reporter by its default export.
// oxlint-disable-next-line import/no-default-export
export default ClosingLineReporter;
