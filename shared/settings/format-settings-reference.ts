import type { SettingDescription } from './describe-settings.ts';

const HEAD = `# The settings

Every key of \`tidegate.yaml\`, made from its schema by \`npm run reference\`: this file is not edited by hand. The same file
is read by \`cdk deploy\`, by \`tidegate serve\` and by every command; a key that is not here is a mistake, and
\`tidegate check-config\` names it with its line. Folders are relative to the file. [install-aws.md](install-aws.md) and
[install-serve.md](install-serve.md) have whole files to begin with.
`;

/** The reference of the settings, as Markdown: a section for each key of the file's root, a line for each key. */
export function formatSettingsReference(settings: readonly SettingDescription[]): string {
  const sections = settings.map((setting) => {
    const isRoot = !/[.[]/u.test(setting.key);
    return isRoot ? `\n## ${setting.key}\n\n${formatRoot(setting)}` : formatKey(setting);
  });
  return HEAD + sections.join('').replaceAll(/\n{3,}/gu, '\n\n');
}

function formatRoot(setting: SettingDescription): string {
  return `${setting.purpose} (${formatRule(setting)})\n\n`;
}

function formatKey(setting: SettingDescription): string {
  return `- \`${setting.key}\`: ${setting.purpose} (${formatRule(setting)})\n`;
}

function formatRule({ allowed, isRequired, fallback }: SettingDescription): string {
  const absence = isRequired ? 'required' : fallback === undefined ? 'optional' : `default \`${fallback}\``;
  return `${absence}; ${allowed}`;
}
