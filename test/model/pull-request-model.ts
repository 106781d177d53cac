/**
 * What is right at the end of a history of one image in one place, told in a way that has nothing in common with how Tidegate finds it
 * out: which versions exist, which one runs, what people refused and whose the pull requests are.
 */
export interface PullRequestModel {
  /** Patch numbers of the versions in the registry. */
  readonly pushed: Set<number>;
  /** What pull requests brought into their base, by number of the pull request. */
  readonly merged: Map<number, Decided>;
  /** What pull requests held that a person closed. */
  readonly closed: Map<number, Decided>;
  /** Pull requests whose refusal was taken back. */
  readonly takenBack: Set<number>;
  /** Text of pull requests at the moment of a person's decision. */
  readonly decidedText: Map<number, string>;
  /** Pull requests whose branch has a person's commit at its tip. */
  readonly theirs: Set<number>;
  /** Pull requests whose base a person chose. */
  readonly retargeted: Set<number>;
  /** Commits of people. */
  readonly personsCommits: string[];
  /** Whether the policy chooses at the moment, and whether an automation writes what it chooses, and how. */
  isSuspended: boolean;
  isWanted: boolean;
  pushes: boolean;
  /** The branch that pull requests go into. */
  base: string;
}

/** A version that was decided about, and for which base. */
export interface Decided {
  readonly version: number;
  readonly base: string;
}

/** A world of nothing but the version that runs. */
export function startModel(running: number, more: Partial<PullRequestModel> = {}): PullRequestModel {
  return {
    pushed: new Set([running]),
    merged: new Map(),
    closed: new Map(),
    takenBack: new Set(),
    decidedText: new Map(),
    theirs: new Set(),
    retargeted: new Set(),
    personsCommits: [],
    isSuspended: false,
    isWanted: true,
    pushes: false,
    base: 'main',
    ...more,
  };
}

/** A pull request as GitHub shows it when everything is quiet. */
export interface SeenPull {
  readonly number: number;
  readonly isOpen: boolean;
  readonly base: string;
  readonly text: string;
  readonly title: string;
  /** Patch number that its head holds; undefined when the file is not there. */
  readonly holds: number | undefined;
}

/** Everything that is seen at the end. */
export interface SeenWorld {
  /** In the base that is wanted now. */
  readonly runs: number;
  /** On the branch that is pushed to instead, where there is one. */
  readonly pushed: number | undefined;
  readonly pulls: readonly SeenPull[];
  /** Those of the persons' commits that no branch and no pull request holds any more. */
  readonly lostCommits: readonly string[];
}

/** The versions that people decided against and did not take back: closed, or merged and not in place any more. */
export function refusedVersions(model: PullRequestModel, runs: number): readonly number[] {
  const counts = ([number, { base }]: readonly [number, Decided]): boolean =>
    base === model.base && !model.takenBack.has(number);
  const versions = (decided: ReadonlyMap<number, Decided>): readonly number[] =>
    [...decided].filter(counts).map(([, { version }]) => version);
  return [...versions(model.closed), ...versions(model.merged).filter((version) => version > runs)];
}

/** What is wrong with the world, in sentences; empty when all is right. */
export function faultsOf(model: PullRequestModel, { runs, pushed, pulls, lostCommits }: SeenWorld): readonly string[] {
  const faults: string[] = lostCommits.map((sha) => `a person's commit ${sha} is lost`);
  const open = pulls.filter(({ isOpen }) => isOpen);
  const ours = open.filter(({ number }) => !model.theirs.has(number) && !model.retargeted.has(number));
  const taken = open.length - ours.length;
  for (const [number, text] of model.decidedText) {
    const now = pulls.find((pull) => pull.number === number);
    if (now !== undefined && !now.isOpen && now.text !== text) {
      faults.push(`#${number} was decided and says something else now`);
    }
  }
  const refused = Math.max(-1, ...refusedVersions(model, runs));
  for (const { number, holds, title, text, base } of ours) {
    if (holds === undefined || !title.endsWith(`6.7.${holds}`)) faults.push(`#${number} "${title}" holds ${holds}`);
    if (!text.includes(`| \`6.7.${holds}\` |\n`)) faults.push(`#${number} holds ${holds} and says ${text}`);
    if (base !== model.base) faults.push(`#${number} goes into ${base} instead of ${model.base}`);
    if (!model.isSuspended && holds !== undefined && holds <= refused) {
      faults.push(`#${number} proposes ${holds}, ${refused} was refused`);
    }
  }
  if (ours.length > 1) faults.push(`${ours.length} pull requests are open`);
  if (!model.isWanted || model.pushes) {
    if (ours.length > 0) faults.push('a pull request is open that no Flux object wants');
  }
  const newest = Math.max(...model.pushed);
  const isDue = newest > runs && newest > refused;
  if (!model.isWanted || model.isSuspended) return faults;
  if (model.pushes) {
    if (isDue && pushed !== newest) faults.push(`6.7.${newest} is not pushed, but ${pushed}; 6.7.${runs} runs`);
    return faults;
  }
  if (taken > 0) return faults;
  if (isDue && ours[0]?.holds !== newest) faults.push(`6.7.${newest} is not proposed; 6.7.${runs} runs`);
  if (!isDue && ours.length > 0) faults.push(`#${ours[0]?.number} is open with nothing to propose`);
  return faults;
}
