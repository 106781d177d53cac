import { defined } from '#shared/common/defined.ts';

import type { DemoEnvironment } from './start-environment.ts';
import type { Facts, ShownLine, StepContext } from './step-context.ts';
import { applyRepository } from './steps/apply-repository.ts';
import { correctDrift } from './steps/correct-drift.ts';
import { mergeImage } from './steps/merge-image.ts';
import { proposeImage } from './steps/propose-image.ts';
import { pruneObject } from './steps/prune-object.ts';
import { rebuildSystem } from './steps/rebuild-system.ts';
import { rollBack } from './steps/roll-back.ts';
import { showApplied } from './steps/show-applied.ts';
import { waitFor } from './wait-for.ts';

/** How a step went. */
export interface CompletedStep {
  readonly name: string;
  readonly ok: boolean;
  readonly ms: number;
  readonly [fact: string]: unknown;
}

/** Whom the story is told to. */
export interface Reporter {
  readonly begin: (title: string) => void;
  readonly waitingFor: (what: string) => void;
  readonly end: (step: CompletedStep, shown: readonly ShownLine[]) => void;
}

export interface StoryOptions {
  readonly reporter: Reporter;
  readonly signal?: AbortSignal;
  /** An installation that ends by itself ends the story, unless the teller kills it. */
  readonly serveMayEnd?: boolean;
}

/** Plays all steps in order; the first that fails is the last. */
export async function runStory(environment: DemoEnvironment, options: StoryOptions): Promise<readonly CompletedStep[]> {
  const told: CompletedStep[] = [];
  const { reporter, signal, serveMayEnd = false } = options;

  async function tell<Told extends Facts>(name: string, play: (context: StepContext) => Promise<Told>): Promise<Told> {
    const startedAt = Date.now();
    const shown: ShownLine[] = [];
    const ms = () => Date.now() - startedAt;
    const context: StepContext = {
      environment,
      show: (lines) => shown.push(...lines),
      wait: (awaited) =>
        waitFor(awaited, {
          onWait: reporter.waitingFor,
          hopeless: () => (serveMayEnd ? undefined : describeEnd(environment)),
          logs: environment.installation.logFiles,
          ...defined({ signal }),
        }),
    };
    reporter.begin(name);
    try {
      const facts = await play(context);
      const step: CompletedStep = { name, ok: true, ms: ms(), ...facts };
      told.push(step);
      reporter.end(step, shown);
      return facts;
    } catch (error) {
      const step: CompletedStep = {
        name,
        ok: false,
        ms: ms(),
        error: error instanceof Error ? error.message : String(error),
      };
      told.push(step);
      reporter.end(step, shown);
      throw error;
    }
  }

  try {
    await tell('the configuration repository is applied', applyRepository);
    const { pull } = await tell('6.7.1 is pushed to ECR: a pull request changes the tag', proposeImage);
    const merged = await tell('the pull request is merged: 6.7.1 runs', (context) => mergeImage(context, pull));
    await tell('drift: what was changed by hand is put right', correctDrift);
    await tell('a manifest is removed from Git: its object is pruned', pruneObject);
    await tell('rollback: the revert is merged, 6.7.0 runs', (context) =>
      rollBack(context, { pull, commit: merged.commit }),
    );
    await tell('disaster: the namespaces are deleted, Git brings them back', rebuildSystem);
    await tell('what was applied, and from which commit', showApplied);
  } catch {
    // Told already: the last step says what was wrong.
  }
  return told;
}

function describeEnd({ installation }: DemoEnvironment): string | undefined {
  const reason = installation.unexpectedEnd();
  return reason === undefined ? undefined : `${installation.name} ended (${reason})`;
}
