import type { NamespacedName } from '../resource-key.ts';

/** `image.toolkit.fluxcd.io/v1` ImageUpdateAutomation, validated, defaults filled in, durations in milliseconds. */
export interface ImageUpdateAutomation {
  readonly namespace: string;
  readonly name: string;
  readonly sourceRef: NamespacedName & { readonly kind: 'GitRepository' };
  readonly intervalMs: number;
  /** Folder whose files are edited, relative to the repository's root. */
  readonly updatePath: string;
  readonly checkoutBranch?: string;
  /** Absent: a pull request from `tidegate/<cluster>/<namespace>/<automation>`. */
  readonly pushBranch?: string;
  readonly commitAuthor: { readonly name?: string; readonly email: string };
  readonly messageTemplate?: string;
  readonly policySelector?: { readonly matchLabels: Readonly<Record<string, string>> };
  readonly suspend: boolean;
}
