import { Command, InvalidArgumentError } from 'commander';
import { writeFile } from 'node:fs/promises';
import pc from 'picocolors';

import { formatTable } from './format-table.ts';
import { benchLambda } from './lambda/bench-lambda.ts';
import type { Report } from './report.ts';

interface BenchOptions {
  readonly json?: string;
  readonly rounds: number;
  readonly seconds: number;
}

const EXAMPLES = `
Examples:
  npm run bench -- lambda                    sizes, cold starts, and 200 webhooks a second
  npm run bench -- lambda --rounds 30        more cold starts, for a noisy machine
  npm run bench -- lambda --json lambda.json write the figures to a file
`;

function wholeNumber(text: string): number {
  if (/^[1-9]\d{0,3}$/u.test(text)) return Number(text);
  throw new InvalidArgumentError('it has to be a whole number from 1 to 9999.');
}

function print(report: Report): void {
  const { title, method, columns, rows, promises } = report;
  console.log(`\n${pc.bold(title)}\n${pc.dim(method)}\n`);
  const [head = '', ...lines] = formatTable(columns, rows);
  console.log([pc.dim(head), ...lines].map((line) => `  ${line}`).join('\n'));
  for (const { promise, measured, isKept } of promises) {
    console.log(`  ${isKept ? pc.green('kept') : pc.red('not kept')}  ${promise}: ${measured}`);
  }
}

async function runLambda({ json, rounds, seconds }: BenchOptions): Promise<void> {
  const reports = await benchLambda({
    rounds,
    seconds,
    // Beside the figures, not among them.
    progress: (line) => process.stderr.write(`${pc.dim(line)}\n`),
    onReport: print,
  });
  if (json !== undefined) await writeFile(json, `${JSON.stringify(reports, undefined, 2)}\n`);
  // A figure that falls short is an answer, not a failure of the measurement: it is said, and the exit code stays 0.
}

const program = new Command('npm run bench --').description('Measures Tidegate beside what it is compared with.');
program
  .command('lambda')
  .description('the bundles: size, cold start beside an empty handler, webhooks a second')
  .option('--rounds <n>', 'cold starts of each function', wholeNumber, 15)
  .option('--seconds <n>', 'how long webhooks are sent', wholeNumber, 10)
  .option('--json <file>', 'write the figures to this file as well')
  .addHelpText('after', EXAMPLES)
  .action(runLambda);
await program.parseAsync();
