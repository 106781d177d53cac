/** The partition of the journal for what is no cluster's; no cluster is called so. */
export const INSTALLATION_PARTITION = '@installation';
