/** The rules of the house (docs/architecture.md) as assertions: imports point one way. */
const decisionRooms =
  '^shared/(api|source|image|edit|render|apply|health|change|journal|settings|work|webhook|notify|reconcile)/';

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'imports-resolve', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'nothing-imports-tests-or-infra',
      severity: 'error',
      from: { pathNot: '^(test|infra)/' },
      to: { path: '^(test|infra)/' },
    },
    {
      name: 'infra-knows-the-settings-only',
      comment: 'The stack and the functions share names and settings, never code.',
      severity: 'error',
      from: { path: '^infra/' },
      to: { path: '^(shared|functions|cli|local)/', pathNot: '^shared/(settings|errors|work)/' },
    },
    {
      name: 'the-product-knows-no-transport',
      comment: 'shared/ is the product; functions, cli and local call it, never the other way.',
      severity: 'error',
      from: { path: '^shared/' },
      to: { path: '^(functions|cli|local|bench)/' },
    },
    {
      name: 'only-adapters-touch-the-world',
      comment: 'Network, disk, SDKs and child processes live in shared/adapters; digests and HMACs are values.',
      severity: 'error',
      from: { path: decisionRooms },
      to: {
        path: '^(node_modules/(@aws-sdk|@octokit|undici|isomorphic-git|@kubernetes)|shared/adapters/|(node:)?(fs|net|http|https|child_process|os|sqlite|dns|tls)$)',
      },
    },
    {
      name: 'ports-are-interfaces',
      severity: 'error',
      from: { path: '^shared/ports/' },
      to: { path: '^shared/', pathNot: '^shared/(ports|api|journal/journal-record|work|errors)' },
    },
    {
      name: 'adapters-do-not-know-each-other',
      severity: 'error',
      from: { path: '^shared/adapters/([^/]+)/' },
      to: { path: '^shared/adapters/', pathNot: '^shared/adapters/($1|log)/' },
    },
    {
      name: 'functions-do-not-import-each-other',
      severity: 'error',
      from: { path: '^functions/([^/]+)/' },
      to: { path: '^functions/[^/]+/', pathNot: '^functions/$1/' },
    },
    {
      name: 'only-the-server-feeds-handlers',
      severity: 'error',
      from: { path: '^(shared|cli|local)/', pathNot: '^local/server/' },
      to: { path: '^functions/' },
    },
    {
      name: 'handlers-translate-transport-only',
      comment: 'A handler gets its adapters from index.ts or local/server.',
      severity: 'error',
      from: { path: '^functions/.*/handler\\.ts$' },
      to: { path: '^shared/adapters/' },
    },
    {
      name: 'development-dependencies-stay-outside-the-product',
      severity: 'error',
      from: { path: '^(shared|functions|cli)/' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
