import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
const OLDEST = { major: 2, minor: 38 };
const howToInstall = `install git ${OLDEST.major}.${OLDEST.minor} or newer and put it on PATH`;

/** @throws Error with one line, if git is missing or cannot merge without a working tree. */
export async function checkGit(env: NodeJS.ProcessEnv = process.env): Promise<void> {
  let answer: string;
  try {
    answer = (await run('git', ['--version'], { env })).stdout;
  } catch (cause) {
    throw new Error(`git is needed to play GitHub on this machine and was not found: ${howToInstall}`, { cause });
  }
  const [, major, minor] = /(\d+)\.(\d+)/u.exec(answer) ?? [];
  const isNewEnough = Number(major) > OLDEST.major || (Number(major) === OLDEST.major && Number(minor) >= OLDEST.minor);
  if (!isNewEnough) {
    throw new Error(`git is ${answer.trim() || 'unknown'}, too old to play GitHub on this machine: ${howToInstall}`);
  }
}
