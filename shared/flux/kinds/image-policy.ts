import type { NamespacedName } from '../resource-key.ts';

/** `image.toolkit.fluxcd.io/v1` ImagePolicy, validated, defaults filled in. */
export interface ImagePolicy {
  readonly namespace: string;
  readonly name: string;
  /** What an automation's `policySelector` looks at. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly imageRepositoryRef: NamespacedName;
  readonly policy:
    | { readonly kind: 'semver'; readonly range: string }
    | { readonly kind: 'alphabetical'; readonly order: 'asc' | 'desc' }
    | { readonly kind: 'numerical'; readonly order: 'asc' | 'desc' };
  /** RE2. The extraction feeds the policy; the tag as pushed is what is written. */
  readonly filterTags?: { readonly pattern: string; readonly extract?: string };
  readonly digestReflectionPolicy: 'Never' | 'IfNotPresent' | 'Always';
  readonly suspend: boolean;
}
