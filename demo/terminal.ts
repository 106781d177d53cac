import pc from 'picocolors';

import type { ShownLine } from './step-context.ts';
import type { CompletedStep, Reporter } from './story.ts';

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const FRAME_MS = 100;
const TITLE_WIDTH = 64;
/** What stands beside a title: mark, number and time. */
const BESIDE_TITLE = 16;

/** Where the terminal writes. */
export interface Screen {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** The terminal that the story is told on. */
export interface Terminal extends Reporter {
  readonly say: (line: string) => void;
  /** What is being built or started: a line that the next one replaces where there is a terminal, a line of its own elsewhere. */
  readonly progress: (line: string) => void;
  /** What passes by: shown where a person looks, and nowhere else. */
  readonly passing: (line: string) => void;
  readonly finish: (steps: readonly CompletedStep[], totalMs: number) => void;
  /** Leaves no half line behind. */
  readonly close: () => void;
}

/** Writes to standard output; colors and moving lines only where a person looks. */
export function openTerminal(stream: Screen, env: NodeJS.ProcessEnv): Terminal {
  const isTerminal = stream.isTTY === true;
  const isLive = isTerminal && env['TERM'] !== 'dumb';
  const color = pc.createColors(isTerminal && (env['NO_COLOR'] ?? '') === '');
  const titleWidth = isTerminal ? Math.min(TITLE_WIDTH, (stream.columns || 80) - BESIDE_TITLE) : TITLE_WIDTH;
  let moving: { text: string; readonly since: number } | undefined;
  let frame = 0;
  let number = 0;
  let title = '';

  const draw = (): void => {
    if (moving === undefined) return;
    frame += 1;
    const seconds = Math.round((Date.now() - moving.since) / 1000);
    const text = ` ${FRAMES[frame % FRAMES.length] ?? ''} ${moving.text}${seconds > 1 ? `  ${seconds} s` : ''}`;
    stream.write(`\r\u001B[2K${color.dim(text.slice(0, (stream.columns || 80) - 1))}`);
  };
  const timer = isLive ? setInterval(draw, FRAME_MS) : undefined;
  timer?.unref();

  const write = (line: string): void => {
    if (isLive) stream.write('\r\u001B[2K');
    stream.write(`${line}\n`);
  };
  const move = (text: string | undefined): void => {
    moving = text === undefined ? undefined : { text, since: Date.now() };
    if (isLive) draw();
  };
  const paint = ({ text, tone }: ShownLine): string => {
    switch (tone) {
      case 'added':
        return color.green(text);
      case 'removed':
        return color.red(text);
      case 'quiet':
        return color.dim(text);
    }
  };

  return {
    say: (line) => {
      move(undefined);
      write(line);
    },
    progress: (line) => {
      if (isLive) move(line);
      else write(line);
    },
    passing: move,
    begin: (name) => {
      number += 1;
      title = name;
      move(`${number}  ${title}`);
    },
    waitingFor: (what) => {
      if (isLive) move(`${number}  ${title}: waiting for ${what}`);
    },
    end: (step, shown) => {
      move(undefined);
      const mark = step.ok ? color.green('✓') : color.red('✗');
      write(` ${mark} ${number}  ${step.name.padEnd(titleWidth)} ${color.bold(formatSeconds(step.ms))}`);
      for (const line of shown) write(`      ${paint(line)}`);
      if (typeof step['error'] === 'string') write(`      ${color.red(step['error'])}`);
    },
    finish: (steps, totalMs) => {
      const passed = steps.filter(({ ok }) => ok).length;
      const verdict =
        passed === steps.length ? color.green(`${passed} steps ✓`) : color.red(`${passed} of ${steps.length} steps ✓`);
      write(`\n ${verdict}  in ${formatSeconds(totalMs).trim()}`);
    },
    close: () => {
      move(undefined);
      clearInterval(timer);
      if (isLive) stream.write('\r\u001B[2K');
    },
  };
}

function formatSeconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`.padStart(7);
}
