import type { InstructionKind } from './resource-key.ts';

const GROUPS: Readonly<Record<InstructionKind, string>> = {
  GitRepository: 'source.toolkit.fluxcd.io',
  Kustomization: 'kustomize.toolkit.fluxcd.io',
  ImageRepository: 'image.toolkit.fluxcd.io',
  ImagePolicy: 'image.toolkit.fluxcd.io',
  ImageUpdateAutomation: 'image.toolkit.fluxcd.io',
};

/** The versions read, newest first: `v1`, and `v1beta2`, whose fields are those of v1 and a few that are refused by name. */
export const INSTRUCTION_VERSIONS: readonly string[] = ['v1', 'v1beta2'];

/** Whether objects of an API group are read by Tidegate instead of being applied. */
export function isInstructionGroup(group: string): boolean {
  return group.endsWith('.toolkit.fluxcd.io') || group === 'tidegate.dev';
}

/** The kind of instruction that a group and kind name, if it is one that Tidegate implements. */
export function instructionKindOf(group: string, kind: string): InstructionKind | undefined {
  return isInstructionKind(kind) && GROUPS[kind] === group ? kind : undefined;
}

/** `GitRepository, Kustomization, …`, for messages. */
export function listInstructionKinds(): string {
  return Object.keys(GROUPS).join(', ');
}

function isInstructionKind(kind: string): kind is InstructionKind {
  return Object.hasOwn(GROUPS, kind);
}
