#!/usr/bin/env node
import process from 'node:process';

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  process.stderr.write(`tidegate: node is ${process.versions.node}; allowed: 22.18 or newer\n`);
  process.exit(2);
}

// A reader that goes away, as `head` does, or a full disk stops what is told and not what is done.
process.stdout.on('error', () => {});
process.stderr.on('error', () => {});

// Loaded after the check: an old Node cannot even read the rest.
const { runTidegate } = await import('./run-tidegate.ts');
process.exitCode = await runTidegate(process.argv.slice(2), process);
// Work that was handed back may still hold the process; nobody waits for it.
setTimeout(() => process.exit(), 1_000).unref();
