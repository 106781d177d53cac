import { ensureTestStandIns } from './ensure-stand-ins.ts';

const say = (line: string) => void process.stderr.write(`${line}\n`);

try {
  await ensureTestStandIns(say);
  say('the stand-ins are ready');
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
