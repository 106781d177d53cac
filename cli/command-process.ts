/** The process a command runs in, as far as it is used. */
export type CommandProcess = Pick<NodeJS.Process, 'stdout' | 'stderr' | 'env' | 'once' | 'off'>;
