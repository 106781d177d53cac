import { isAlias, visit } from 'yaml';
import { z } from 'zod';

import { defined } from '#shared/common/defined.ts';
import type { Problem } from '#shared/common/problem.ts';
import { redactText } from '#shared/common/redact-secrets.ts';
import { suggestName } from '#shared/common/suggest-name.ts';

import { findContradictions } from './find-contradictions.ts';
import { findInlineSecrets } from './find-inline-secrets.ts';
import { githubApiUrl } from './github-api-url.ts';
import type { Finding, SettingsPath } from './settings-places.ts';
import { byPlace, findRepeatedKeys, formatSettingsPath, openSettingsText } from './settings-places.ts';
import { SettingsFile } from './settings-schema.ts';
import type { ClusterSettings, ClusterVpc, Settings } from './settings.ts';

const MAX_CHARACTERS = 1024 * 1024;

export type ParsedSettings =
  | { readonly outcome: 'valid'; readonly settings: Settings }
  | { readonly outcome: 'invalid'; readonly problems: readonly Problem[] };

/**
 * Reads `tidegate.yaml`: the settings with their defaults, or every problem at once.
 * @param file the path as the person knows it; it only appears in problems.
 */
export function parseSettings(text: string, file: string): ParsedSettings {
  if (text.length > MAX_CHARACTERS) {
    return invalid([
      { file, field: '', message: `found ${text.length} characters; allowed: at most ${MAX_CHARACTERS}` },
    ]);
  }
  const { document, place, placeAt } = openSettingsText(text, file);
  if (document.errors.length > 0) {
    return invalid(
      document.errors.map((error) => placeAt(error.pos[0], '', describeYamlError(error.code, error.message))),
    );
  }
  const repeated = findRepeatedKeys(document);
  if (repeated.length > 0) {
    return invalid(repeated.map((at) => placeAt(at, '', 'not valid YAML: this key stands in its mapping twice')));
  }
  const alias = findAlias(document);
  if (alias !== undefined) {
    return invalid([placeAt(alias, '', 'found a YAML alias; allowed: plain values, written out where they are used')]);
  }
  const value: unknown = document.toJS();
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return invalid([placeAt(0, '', `found ${nameType(value)}; allowed: a mapping with configRepository and clusters`)]);
  }

  const secrets = findInlineSecrets(value);
  const secretFields = new Set(secrets.map(({ path }) => formatSettingsPath(path)));
  const parsed = SettingsFile.safeParse(value);
  const problems = [
    ...secrets.map(place),
    ...findContradictions(value).map(place),
    ...(parsed.success ? [] : parsed.error.issues.flatMap((issue) => explainIssue(issue, value).map(place)))
      // A secret is said once, as a secret, and its value is never quoted.
      .filter(({ field }) => !secretFields.has(field)),
  ];
  if (problems.length > 0 || !parsed.success) return invalid(problems.toSorted(byPlace));
  return { outcome: 'valid', settings: toSettings(parsed.data) };
}

function invalid(problems: readonly Problem[]): ParsedSettings {
  return { outcome: 'invalid', problems };
}

function explainIssue(issue: z.core.$ZodIssue, root: unknown): readonly Finding[] {
  const path = issue.path.filter((part) => typeof part !== 'symbol');
  if (issue.code === 'unrecognized_keys') {
    const allowed = allowedKeys(path);
    const names = allowed.join(', ');
    return issue.keys.map((key) => {
      const similar = suggestName(key, allowed);
      const hint = similar === undefined ? '' : `; did you mean ${similar}?`;
      return { path: [...path, key], message: `unknown key; allowed: ${names}${hint}` };
    });
  }
  return [{ path, message: describeIssue(issue, valueAt(root, path)) }];
}

function describeIssue(issue: z.core.$ZodIssue, found: unknown): string {
  if (found === undefined && issue.code !== 'custom') return `missing; allowed: ${expectation(issue)}`;
  if (issue.message.startsWith('found')) return issue.message;
  const isSaid = issue.code === 'custom' || issue.message.startsWith('allowed');
  return `found ${show(found)}; ${isSaid ? issue.message : `allowed: ${expectation(issue)}`}`;
}

function expectation(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_type') return TYPE_NAMES[issue.expected] ?? issue.expected;
  if (issue.code === 'too_small') {
    return issue.origin === 'string' ? `at least ${issue.minimum} character` : `${issue.minimum} or more`;
  }
  if (issue.code === 'too_big') {
    return issue.origin === 'string' ? `at most ${issue.maximum} characters` : `at most ${issue.maximum}`;
  }
  return issue.message;
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  string: 'text (quote it if it is all digits)',
  int: 'a whole number',
  number: 'a number',
  object: 'a mapping',
  array: 'a list',
};

/** Values of settings are not secret, but one may have slipped in: shortened, and what looks like a secret taken out. */
function show(value: unknown): string {
  if (typeof value === 'string') {
    return JSON.stringify(redactText(value.length > 80 ? `${value.slice(0, 80)}…` : value));
  }
  if (typeof value === 'number' || typeof value === 'boolean') return `${value} (${typeof value})`;
  return nameType(value);
}

function nameType(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  return Array.isArray(value) ? 'a list' : typeof value === 'object' ? 'a mapping' : `a ${typeof value}`;
}

function describeYamlError(code: string, message: string): string {
  const [first = code] = message.split('\n');
  return `not valid YAML: ${redactText(first.charAt(0).toLowerCase() + first.slice(1))}`;
}

function valueAt(root: unknown, path: SettingsPath): unknown {
  return path.reduce<unknown>(
    (value, part) => (typeof value === 'object' && value !== null ? Reflect.get(value, part) : undefined),
    root,
  );
}

function findAlias(document: Parameters<typeof visit>[0]): number | undefined {
  let found: number | undefined;
  visit(document, {
    Alias: (_, node) => {
      if (isAlias(node)) found ??= node.range?.[0] ?? 0;
    },
  });
  return found;
}

function allowedKeys(path: SettingsPath): readonly string[] {
  let schema: z.core.$ZodType | undefined = unwrap(SettingsFile);
  for (const part of path) {
    if (schema instanceof z.ZodArray) {
      schema = unwrap(schema.element);
    } else if (schema instanceof z.ZodObject && typeof part === 'string') {
      const child: z.core.$ZodType | undefined = schema.shape[part];
      schema = child === undefined ? undefined : unwrap(child);
    }
  }
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
    return unwrap(schema.unwrap());
  }
  return schema;
}

function toSettings(file: SettingsFile): Settings {
  const { appId, privateKeySecret, tokenSecret, webhookSecret, branchPrefix } = file.github;
  const { ecrEventsQueueUrl, publicUrl, ...serve } = file.serve;
  return {
    installation: file.installation,
    configRepository: file.configRepository,
    github: {
      apiUrl: (file.github.apiUrl ?? githubApiUrl(file.configRepository.url)).replace(/\/+$/u, ''),
      ...defined({ appId }),
      ...(tokenSecret === undefined
        ? { privateKeySecret: privateKeySecret ?? 'tidegate/github/private-key' }
        : { tokenSecret }),
      webhookSecret,
      branchPrefix,
    },
    registries: file.registries,
    clusters: file.clusters.map(toCluster),
    statuses: file.statuses,
    serve: {
      ...serve,
      ...(publicUrl === undefined ? {} : { publicUrl: publicUrl.replace(/\/+$/u, '') }),
      ...defined({ ecrEventsQueueUrl }),
    },
  };
}

function toCluster(cluster: SettingsFile['clusters'][number]): ClusterSettings {
  const { name, path, kubeconfig, eks, pruneGuard, approvePrune, namespaces } = cluster;
  const rest = {
    name,
    path,
    pruneGuard,
    ...defined({ approvePrune, namespaces }),
  };
  if (eks !== undefined) {
    const { roleArn, vpc, ...target } = eks;
    const options = {
      ...defined({ roleArn }),
      ...(vpc === undefined ? {} : { vpc: toVpc(vpc) }),
    };
    return { ...rest, target: { kind: 'eks', ...target, ...options } };
  }
  const { context, file } = kubeconfig ?? { context: '', file: undefined };
  return { ...rest, target: { kind: 'kubeconfig', context, ...defined({ file }) } };
}

function toVpc({
  clusterSecurityGroup,
  ...vpc
}: NonNullable<NonNullable<SettingsFile['clusters'][number]['eks']>['vpc']>): ClusterVpc {
  return { ...vpc, ...defined({ clusterSecurityGroup }) };
}
