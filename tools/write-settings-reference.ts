import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describeSettings } from '#shared/settings/describe-settings.ts';
import { formatSettingsReference } from '#shared/settings/format-settings-reference.ts';

const file = join(import.meta.dirname, '..', 'docs', 'settings.md');
await writeFile(file, formatSettingsReference(describeSettings()));
