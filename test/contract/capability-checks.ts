/** Why a stand-in cannot do what the real host does, and how that shows. */
export interface Lack {
  readonly because: string;
  readonly shows: RegExp;
}

/** What a stand-in cannot do, of all that a suite may ask of it. */
export type Lacks<Capability extends string> = Readonly<Partial<Record<Capability, Lack>>>;

/**
 * Runs the cases of a suite, each on a subject of its own. A case that needs what the stand-in lacks has to fail in the
 * known way: a version that can do it, or fails differently, is noticed.
 */
export function makeCapabilityChecks<Subject, Capability extends string>(
  start: () => Promise<Subject>,
  lacks: Lacks<Capability>,
): {
  /** Begins the title of a case, so that nobody reads a lack as a promise kept. */
  readonly unless: (needs: Capability) => string;
  readonly check: (run: (subject: Subject) => Promise<void>, needs?: Capability) => Promise<void>;
} {
  return {
    unless(needs) {
      const lack = lacks[needs];
      return lack === undefined ? '' : `cannot show it, because ${lack.because}: `;
    },
    async check(run, needs) {
      const subject = await start();
      const lack = needs === undefined ? undefined : lacks[needs];
      if (lack === undefined) return run(subject);
      const failure = await run(subject).then(() => undefined, String);
      if (failure === undefined) throw new Error(`"${needs}" works now; take it out of the table of lacks`);
      if (!lack.shows.test(failure)) {
        throw new Error(`"${needs}" is known to fail with ${String(lack.shows)}, but failed with ${failure}`);
      }
    },
  };
}
