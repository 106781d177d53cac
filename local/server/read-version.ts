import packageJson from '../../package.json' with { type: 'json' };

/** Version of this Tidegate. */
export const VERSION: string = packageJson.version;
