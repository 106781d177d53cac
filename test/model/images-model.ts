/** What is right at the end of a history of several images in one pull request, told apart from how Tidegate finds it out. */
export interface ImageModel {
  /** Patch numbers of the versions in the registry. */
  readonly pushed: Set<number>;
  /** What pull requests proposed that were closed or merged, by their number. */
  readonly closed: Map<number, number>;
  readonly merged: Map<number, number>;
  /** Its policy is suspended. */
  isSuspended: boolean;
  /** Its repository cannot be read. */
  isLost: boolean;
  /** The versions that a pull request may go on to hold while nothing can be decided about the image, and whether it held one. */
  keeps: { readonly pull: number; readonly versions: readonly number[]; readonly isHeld: boolean };
}

/** What one image is at the end. */
export interface SeenImage {
  readonly runs: number;
  /** In the open pull request, where there is one. */
  readonly proposed: number | undefined;
}

/** The pull request that is open at the end. */
export interface SeenProposal {
  readonly number: number;
  /** The versions that the rows of its table bring, in their order. */
  readonly rows: readonly number[];
}

export function startImage(): ImageModel {
  return {
    pushed: new Set([0]),
    closed: new Map(),
    merged: new Map(),
    isSuspended: false,
    isLost: false,
    keeps: { pull: 0, versions: [], isHeld: false },
  };
}

export function isUndecided({ isSuspended, isLost }: ImageModel): boolean {
  return isSuspended || isLost;
}

/** What is wrong, in sentences; empty when all is right. */
export function faultsOfImages(
  models: readonly ImageModel[],
  seen: readonly SeenImage[],
  open: readonly SeenProposal[],
): readonly string[] {
  const faults: string[] = [];
  if (open.length > 1) faults.push(`${open.length} pull requests are open`);
  const [proposal] = open;
  const changed: number[] = [];
  for (const [index, model] of models.entries()) {
    const { runs, proposed = runs } = seen[index] ?? { runs: Number.NaN, proposed: undefined };
    const newest = Math.max(...model.pushed);
    const refused = Math.max(-1, ...model.closed.values(), ...[...model.merged.values()].filter((one) => one > runs));
    if (proposed !== runs) changed.push(proposed);
    if (proposed < runs) faults.push(`image ${index} is taken back to ${proposed}; ${runs} runs`);
    if (proposed !== runs && proposed <= refused) {
      faults.push(`image ${index} is proposed at ${proposed}; ${refused} was refused`);
    }
    if (isUndecided(model)) {
      const { pull, versions, isHeld } = model.keeps;
      const kept = proposal?.number === pull ? versions : [];
      if (proposed !== runs && !kept.includes(proposed)) {
        faults.push(`image ${index} cannot be decided and is proposed at ${proposed}`);
      }
      if (isHeld && kept.length > 0 && kept.every((one) => one > runs && one > refused) && !kept.includes(proposed)) {
        faults.push(`image ${index} cannot be decided and lost its proposal ${kept.join(' or ')}`);
      }
      continue;
    }
    const right = newest > runs && newest > refused ? newest : runs;
    if (proposed !== right) faults.push(`image ${index} is proposed at ${proposed} instead of ${right}; ${runs} runs`);
  }
  const rows = proposal?.rows ?? [];
  if (inOrder(rows) !== inOrder(changed)) {
    faults.push(`the text says ${rows.join(', ')}, the commit brings ${changed.join(', ')}`);
  }
  if (proposal !== undefined && changed.length === 0) {
    faults.push(`#${proposal.number} is open with nothing to propose`);
  }
  return faults;
}

function inOrder(versions: readonly number[]): string {
  return versions.toSorted((one, other) => one - other).join(' ');
}
