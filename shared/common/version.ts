import packageJson from '../../package.json' with { type: 'json' };

/** The version of this Tidegate. */
export const VERSION: string = packageJson.version;
