import { expect, it } from 'vitest';
import { z } from 'zod';

import { synthesizeTemplate } from '#infra/synthesize-template.ts';
import { findUndeployableSettings } from '#shared/settings/find-undeployable-settings.ts';
import { parseSettings } from '#shared/settings/parse-settings.ts';
import type { Settings } from '#shared/settings/settings.ts';

import { resourcesOf, Template } from './synthesize.ts';

/** Of IAM: managed policies of a role, characters of each, and of the inline policies of a role together. */
const MAX_POLICIES = 10;
const MAX_MANAGED = 6_144;
const MAX_INLINE = 10_240;

/** Twenty clusters with the longest names, and thirty registries with so many exact names each. */
function settingsWith(namesEach: number): Settings {
  const clusters = Array.from({ length: 20 }, (_, index) => {
    const name = `${'c'.repeat(60)}-${String.fromCodePoint(97 + index)}`;
    const eks = `name: c${index}, region: eu-west-1, endpoint: "https://c${index}.example.com", certificateAuthority: AAAA`;
    return `  - { name: ${name}, path: ./clusters/c${index}, eks: { ${eks} } }\n`;
  });
  const registries = Array.from({ length: 30 }, (_, index) => {
    const names = Array.from({ length: namesEach }, (_each, name) => `team-${index}/service-${name}`);
    return `    - { account: "1234567890${10 + index}", region: ap-southeast-1, repositories: [${names.join(', ')}] }\n`;
  });
  const text = `configRepository: { url: "https://github.com/acme/fleet-infra" }\nregistries:\n  ecr:\n${registries.join('')}clusters:\n${clusters.join('')}`;
  const parsed = parseSettings(text, 'tidegate.yaml');
  if (parsed.outcome === 'invalid') throw new Error(JSON.stringify(parsed.problems));
  return parsed.settings;
}

function messagesOf(settings: Settings): readonly string[] {
  return findUndeployableSettings(settings).map(({ path, message }) => `${path.join('.')}: ${message}`);
}

it('names of repositories that the policies of one role have no room for are refused, with what to write', () => {
  expect(messagesOf(settingsWith(60))).toEqual([
    expect.stringMatching(
      /^registries\.ecr\.\d+\.repositories: found names .* of 4\d{4} characters; allowed: 40000 in all, .*; write prefixes such as team-a\/\*$/u,
    ),
  ]);
});

it('as many as are allowed fit into the policies of the role that reads them', { timeout: 120_000 }, async () => {
  const most = Array.from({ length: 60 }, (_, index) => 60 - index).find(
    (names) => messagesOf(settingsWith(names)).length === 0,
  );
  expect(most).toBeGreaterThan(5);
  const template = Template.parse(await synthesizeTemplate(settingsWith(most ?? 1), 'eu-west-1'));
  const Policy = z.object({ PolicyDocument: z.unknown(), Roles: z.array(z.object({ Ref: z.string() })).default([]) });
  const ofImageUpdate = (type: string): readonly number[] =>
    resourcesOf(template, type).flatMap(([, { Properties }]) => {
      const { PolicyDocument, Roles } = Policy.parse(Properties);
      // An intrinsic function is about as long as the ARN that it becomes.
      return Roles.some(({ Ref }) => Ref.startsWith('ImageUpdate')) ? [JSON.stringify(PolicyDocument).length] : [];
    });

  const managed = ofImageUpdate('AWS::IAM::ManagedPolicy');
  const inline = ofImageUpdate('AWS::IAM::Policy');

  expect(managed.length).toBeLessThanOrEqual(MAX_POLICIES);
  expect(managed.filter((length) => length > MAX_MANAGED)).toEqual([]);
  expect(inline.reduce((sum, length) => sum + length, 0)).toBeLessThanOrEqual(MAX_INLINE);
});
