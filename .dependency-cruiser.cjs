/** The rules of the house (docs/architecture.md) as assertions: imports point one way. */

/** Each room of shared/ that decides, and the rooms it may import beside itself. */
const decisionRooms = {
  errors: [],
  redact: [],
  work: ['errors'],
  settings: ['errors', 'redact', 'work'],
  webhook: ['work'],
  api: ['errors', 'ports'],
  health: ['api'],
  image: ['api', 'errors', 'ports', 'settings'],
  edit: ['api', 'errors', 'image', 'ports'],
  render: ['api', 'errors', 'ports'],
  journal: ['api', 'errors', 'ports', 'work'],
  notify: ['errors', 'journal', 'ports', 'redact', 'work'],
  apply: ['api', 'errors', 'health', 'ports'],
  source: ['api', 'errors', 'image', 'journal', 'ports', 'settings', 'work'],
  change: ['api', 'edit', 'errors', 'image', 'journal', 'ports', 'source', 'work'],
  reconcile: ['api', 'apply', 'errors', 'journal', 'ports', 'render', 'source'],
};

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'imports-resolve', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'nothing-imports-tests-or-infra',
      severity: 'error',
      from: { pathNot: '^(test|infra|bench)/' },
      to: { path: '^(test|infra|bench)/' },
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
      to: { path: '^(functions|cli|local)/' },
    },
    {
      name: 'only-adapters-touch-the-world',
      comment: 'Network, disk, SDKs and child processes live in shared/adapters; digests and HMACs are values.',
      severity: 'error',
      from: { path: `^shared/(${Object.keys(decisionRooms).join('|')})/` },
      to: {
        path: '^(node_modules/(@aws-sdk|@octokit|undici|isomorphic-git|@kubernetes)|shared/adapters/|(node:)?(fs|net|http|https|child_process|os|sqlite|dns|tls)$)',
      },
    },
    ...Object.entries(decisionRooms).map(([room, others]) => ({
      name: `${room}-keeps-to-its-rooms`,
      severity: 'error',
      from: { path: `^shared/${room}/` },
      to: { path: '^shared/', pathNot: `^shared/(${[room, ...others].join('|')})/` },
    })),
    {
      name: 'no-room-of-shared-is-without-a-rule',
      severity: 'error',
      from: {
        path: '^shared/',
        pathNot: `^shared/(${[...Object.keys(decisionRooms), 'ports', 'adapters'].join('|')})/`,
      },
      to: {},
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
      to: { path: '^shared/adapters/', pathNot: '^shared/adapters/($1|log|signature|folder)/' },
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
    {
      name: 'every-package-is-named-in-package-json',
      comment: 'What another package happens to bring along can go with its next version.',
      severity: 'error',
      from: {},
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
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
