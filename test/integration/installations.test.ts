import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';

import { claimInstallation } from '#shared/engine/lease/claim-installation.ts';
import { makeIdentity, type ConfigurationPlace } from '#shared/engine/lease/installation.ts';
import { startCluster, type RunningCluster } from '#stand-ins/kubernetes/start-cluster.ts';
import { sampleSize } from '#test/sample-size.ts';

import { openInstallation, type InstallationOptions, type OpenInstallation } from './open-installation.ts';

const A: ConfigurationPlace = { repository: 'https://github.com/acme/one', branch: 'main', path: './clusters/one' };
const B: ConfigurationPlace = { repository: 'https://github.com/acme/two', branch: 'next', path: './fleet' };
const ROOT_PARENT = 'configmap/kustomization.flux-system.flux-system';
const Seen = z.object({
  items: z.array(
    z.looseObject({
      kind: z.string(),
      metadata: z.looseObject({
        name: z.string(),
        namespace: z.string().default(''),
        uid: z.string(),
        resourceVersion: z.string(),
        labels: z.record(z.string(), z.string()).default({}),
      }),
    }),
  ),
});

let cluster: RunningCluster;
let open: OpenInstallation[] = [];

beforeAll(async () => {
  cluster = await startCluster({});
  await cluster.kubectl(['create', 'namespace', 'tidegate-system']);
});
afterAll(() => cluster?.stop());

afterEach(async () => {
  await Promise.all(open.map((one) => one.close()));
  open = [];
  await cleanUp();
});

/** Makes the cluster one that never saw Tidegate; namespaces stay, as nobody's, since deleting one takes five seconds. */
async function cleanUp(): Promise<void> {
  const member = 'applyset.kubernetes.io/part-of';
  await cluster.kubectl(['delete', 'configmaps', '--all-namespaces', '--selector', member]);
  await cluster.kubectl(['label', 'namespaces', '--selector', member, `${member}-`]);
  await cluster.kubectl(['--namespace=tidegate-system', 'delete', 'configmaps,leases', '--all']);
}

async function install(options: InstallationOptions): Promise<OpenInstallation> {
  const installation = await openInstallation(cluster, options);
  open.push(installation);
  return installation;
}

/** The folder of a cluster: namespaces, and ConfigMaps by `<namespace>/<name>`. */
function folder(place: ConfigurationPlace, names: readonly string[], extra = ''): Record<string, string> {
  const documents = names.map((name) => {
    const [first = '', second] = name.split('/');
    return second === undefined ? namespace(first) : configMap(first, second);
  });
  return {
    [`${place.path}/all.yaml`.replace('./', '')]: [...documents, ...(extra === '' ? [] : [extra])].join('---\n'),
  };
}

function namespace(name: string): string {
  return `apiVersion: v1\nkind: Namespace\nmetadata: { name: ${name} }\n`;
}

function configMap(ns: string, name: string, annotations = '{}'): string {
  return `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name}, namespace: ${ns}, annotations: ${annotations} }\ndata: { key: value }\n`;
}

interface SeenObject {
  readonly id: string;
  readonly partOf: string;
  /** Changes with each write and each creation. */
  readonly state: string;
}

/** All members and parents, as they stand. */
async function look(): Promise<readonly SeenObject[]> {
  const { stdout } = await cluster.kubectl(['get', 'namespaces,configmaps', '--all-namespaces', '-o', 'json']);
  return Seen.parse(JSON.parse(stdout)).items.flatMap(({ kind, metadata }) => {
    const partOf =
      metadata.labels['applyset.kubernetes.io/part-of'] ?? metadata.labels['applyset.kubernetes.io/id'] ?? '';
    const { namespace: of, name, uid, resourceVersion } = metadata;
    return partOf === '' ? [] : [{ id: `${kind}/${of}/${name}`, partOf, state: `${uid} ${resourceVersion}` }];
  });
}

async function exists(...what: readonly string[]): Promise<boolean> {
  return (await cluster.kubectl(['get', ...what, '--ignore-not-found', '-o', 'name'])).stdout !== '';
}

async function stalledMessage(installation: OpenInstallation): Promise<string> {
  const status = await installation.status();
  return status?.conditions.find(({ type }) => type === 'Stalled')?.message ?? '';
}

async function follow(message: string): Promise<void> {
  const [, command = ''] = /`kubectl ([^`]+)`/u.exec(message) ?? [];
  await cluster.kubectl(command.split(' '));
}

/** What became of the objects of the root. */
async function rootOf(installation: OpenInstallation): Promise<unknown> {
  const result = await installation.run();
  return result.outcome === 'reconciled' ? result.applied.sets[0] : result;
}

describe('a second installation on a cluster', () => {
  it('is refused by name with the ways out, and changes nothing', async () => {
    const first = await install({ place: A });
    await first.commit(folder(A, ['one', 'one/it']));
    await first.run();
    const before = await look();
    const second = await install({ place: B });
    await second.commit(folder(B, ['never', 'never/it']));

    expect(await second.run()).toEqual({ outcome: 'refused' });

    expect(await look()).toEqual(before);
    expect(await exists('namespace/never')).toBe(false);
    const message = await stalledMessage(second);
    expect(message).toMatch(
      /^cluster my-cluster belongs to another installation, of https:\/\/github\.com\/acme\/one,/u,
    );
    expect(message).toContain('`installation: <name>` in tidegate.yaml');
    expect((await second.events()).filter(({ reason }) => reason === 'InstallationRefused')).toHaveLength(1);
    await second.run();
    expect((await second.events()).filter(({ reason }) => reason === 'InstallationRefused')).toHaveLength(1);
    expect(await first.run()).toMatchObject({ outcome: 'reconciled', applied: { sets: [{ state: 'ready' }] } });
  });

  it('takes the place of the first when somebody says so, and the first is refused then', async () => {
    const first = await install({ place: A });
    await first.commit(folder(A, ['one', 'one/it', 'one/gone']));
    await first.run();
    const second = await install({ place: B });
    await second.commit(folder(B, ['one', 'one/it', 'two']));
    await second.run();
    await follow(await stalledMessage(second));

    expect(await second.run()).toMatchObject({ outcome: 'reconciled', applied: { sets: [{ state: 'ready' }] } });
    const after = await look();

    expect(await exists('--namespace=one', 'configmap/gone')).toBe(false);
    expect((await second.events()).map(({ reason }) => reason)).toContain('InstallationAdopted');
    expect(await first.run()).toEqual({ outcome: 'refused' });
    expect(await stalledMessage(first)).toContain('of https://github.com/acme/two, branch next, ./fleet');
    expect(await look()).toEqual(after);
    expect(await second.run()).toMatchObject({ outcome: 'reconciled', applied: { sets: [{ state: 'ready' }] } });
  });

  it('works beside the first under a name of its own: neither touches what is the other’s', async () => {
    const first = await install({ place: A });
    const second = await install({ place: B, name: 'team-b' });
    await first.commit(folder(A, ['one', 'one/it', 'one/more']));
    await second.commit(folder(B, ['two', 'two/it', 'two/more']));
    await first.run();
    await second.run();
    const isFirsts = ({ id }: SeenObject) => id.includes('/one');
    const before = (await look()).filter(isFirsts);

    await second.commit(folder(B, ['two', 'two/it']));
    await second.run();

    expect(await exists('--namespace=two', 'configmap/more')).toBe(false);
    expect((await look()).filter(isFirsts)).toEqual(before);
    await first.run();
    expect((await look()).filter(isFirsts)).toEqual(before);
  });

  it('may not have an object of the first, is told whose it is, and takes it over when Git says so', async () => {
    const first = await install({ place: A });
    const second = await install({ place: B, name: 'team-b' });
    await first.commit(folder(A, ['shared', 'shared/it']));
    await second.commit(folder(B, ['two'], configMap('shared', 'it', '{ tidegate.dev/adopt: enabled }')));
    await first.run();
    const before = await look();

    expect(await rootOf(second)).toMatchObject({
      state: 'failed',
      failures: [
        {
          id: { name: 'it' },
          reason: 'OwnedByOther',
          message:
            'Kustomization flux-system/flux-system of installation default of https://github.com/acme/one, branch main, ./clusters/one owns it; take it out of one of the two, or annotate it with tidegate.dev/adopt-installation: default in Git to take it over',
        },
      ],
    });
    expect(await look()).toEqual(expect.arrayContaining([...before]));

    const adopting = configMap('shared', 'it', '{ tidegate.dev/adopt-installation: default }');
    await second.commit(folder(B, ['two'], adopting));
    expect(await rootOf(second)).toMatchObject({ state: 'ready', failures: [] });
    const adopted = await look();
    expect(await rootOf(first)).toMatchObject({
      state: 'failed',
      failures: [{ reason: 'OwnedByOther', message: expect.stringContaining('of installation team-b of') }],
    });
    await first.commit(folder(A, ['shared']));
    expect(await rootOf(first)).toMatchObject({ state: 'ready', withheld: [] });
    const its = ({ id }: SeenObject) => id === 'ConfigMap/shared/it';
    expect((await look()).filter(its)).toEqual(adopted.filter(its));
  });

  it('keeps a namespace of the first alive while it has objects there', async () => {
    const first = await install({ place: A });
    const second = await install({ place: B, name: 'team-b' });
    await first.commit(folder(A, ['one', 'shared']));
    await first.run();
    await second.commit(folder(B, ['shared/it']));
    await second.run();

    await first.commit(folder(A, ['one']));

    expect(await rootOf(first)).toMatchObject({
      withheld: [
        { id: { kind: 'Namespace', name: 'shared' }, message: expect.stringContaining('installation team-b') },
      ],
    });
    expect(await exists('--namespace=shared', 'configmap/it')).toBe(true);
  });

  it.each([
    ['default', 'team-b'],
    ['team-a', 'default'],
    ['team-a', 'team-b'],
  ])('(%s beside %s) may not have an object of the first even when the inventory of that was deleted', async (a, b) => {
    const first = await install({ place: A, name: a });
    await first.commit(folder(A, ['one', 'one/it']));
    await first.run();
    await cluster.kubectl(['--namespace=tidegate-system', 'delete', 'configmaps,leases', '--all']);
    const before = await look();
    const second = await install({ place: B, name: b });
    await second.commit(folder(B, ['one/it']));

    expect(await rootOf(second)).toMatchObject({
      failures: [{ reason: 'OwnedByOther', message: expect.stringContaining(`installation ${a} owns it`) }],
    });
    expect(await look()).toEqual(expect.arrayContaining([...before]));
    expect(await rootOf(first)).toMatchObject({ state: 'ready', failures: [] });
  });

  it('deletes nothing of the first that was taken away with its inventory, also when its own journal gets lost', async () => {
    const first = await install({ place: A });
    await first.commit(folder(A, ['one', 'one/it', 'one/more']));
    await first.run();
    await cluster.kubectl(['--namespace=tidegate-system', 'delete', 'configmaps,leases', '--all']);
    // The server's times have a resolution of a second.
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    const second = await install({ place: B });
    await second.commit(folder(B, ['two', 'one/own', 'one/gone']));
    const lefts = ['Namespace//one', 'ConfigMap/one/it', 'ConfigMap/one/more'];
    const left = async () => (await look()).filter(({ id }) => lefts.includes(id));
    const before = await left();
    const withheld = lefts.map(() => expect.objectContaining({ guard: 'before-installation' }));

    expect(await rootOf(second)).toMatchObject({ state: 'ready', withheld });
    await second.loseJournal();
    await second.commit(folder(B, ['two', 'one/own']));
    expect(await rootOf(second)).toMatchObject({ state: 'ready', withheld });
    expect(await exists('--namespace=one', 'configmap/gone')).toBe(false);
    await cluster.kubectl(['--namespace=tidegate-system', 'delete', 'leases', '--all']);
    await second.loseRecords();
    expect(await rootOf(second)).toMatchObject({ state: 'ready', withheld });
    expect(await left()).toEqual(before);
  });

  it('is none when its state is a copy of the first’s and leads elsewhere, and the first is left alone', async () => {
    const first = await install({ place: A });
    await first.commit(folder(A, ['one', 'one/it']));
    await first.run();
    const before = await look();

    first.configure({ store: 'a copy', place: B });
    expect(await first.run()).toEqual({ outcome: 'refused' });
    expect(await look()).toEqual(before);
    first.configure({ store: 'another copy', place: A });
    expect(await rootOf(first)).toMatchObject({ state: 'ready' });
  });

  it('may not put its hand on lease and inventory of the first by what it has in Git', async () => {
    const first = await install({ place: A });
    await first.commit(folder(A, ['one', 'one/it']));
    await first.run();
    const before = await look();
    const second = await install({ place: B, name: 'team-b' });
    const lease = `apiVersion: coordination.k8s.io/v1\nkind: Lease\nmetadata: { name: tidegate-installation, namespace: tidegate-system }\nspec: { holderIdentity: ${makeIdentity(B)} }\n`;
    const parent = configMap('tidegate-system', 'kustomization.flux-system.flux-system');
    await second.commit(folder(B, ['tidegate-system'], `${lease}---\n${parent}`));

    expect(await rootOf(second)).toMatchObject({
      failures: [{ reason: 'NotAllowed' }, { reason: 'NotAllowed' }],
    });
    expect(await first.run()).toMatchObject({ outcome: 'reconciled', applied: { sets: [{ state: 'ready' }] } });
    await second.commit(folder(B, ['two']));
    expect(await rootOf(second)).toMatchObject({ withheld: [{ id: { kind: 'Namespace', name: 'tidegate-system' } }] });
    expect(await look()).toEqual(expect.arrayContaining([...before]));
  });

  it('gets the cluster, or not, when both start at once', async () => {
    const contenders = await Promise.all(
      [A, B, { ...A, path: './x' }, { ...B, branch: 'main' }].map(async (place) => ({
        place,
        installation: await install({ place }),
      })),
    );
    const decisions = await Promise.all(
      contenders.map(({ place, installation: { api } }) =>
        claimInstallation(api, { cluster: 'my-cluster', name: 'default', place, knows: () => false }),
      ),
    );

    expect(decisions.map(({ outcome }) => outcome).sort()).toEqual(['held', 'refused', 'refused', 'refused']);
  });
});

describe('an installation', () => {
  const LEASE = ['--namespace=tidegate-system', 'delete', 'lease', '--all'];
  const LOSSES: readonly (readonly [string, (installation: OpenInstallation) => Promise<unknown>])[] = [
    ['its journal', (installation) => installation.loseJournal()],
    ['its leases in the cluster', () => cluster.kubectl(LEASE)],
    [
      'journal, records and leases',
      async (installation) => {
        await installation.loseJournal();
        await installation.loseRecords();
        await cluster.kubectl(LEASE);
      },
    ],
    [
      'the spelling of its repository',
      async (it) => it.configure({ place: { ...A, repository: `${A.repository}.git` } }),
    ],
  ];

  it.each(LOSSES)('that lost %s goes on, and is refused to others as before', async (_what, lose) => {
    const installation = await install({ place: A });
    await installation.commit(folder(A, ['one', 'one/it']));
    await installation.run();
    const members = async () => (await look()).filter(({ id }) => id.includes('/one'));
    const before = (await members()).map(({ id }) => id);

    await lose(installation);

    const stranger = await install({ place: B });
    await stranger.commit(folder(B, ['two']));
    expect(await stranger.run()).toEqual({ outcome: 'refused' });
    expect(await rootOf(installation)).toMatchObject({ state: 'ready', failures: [], withheld: [] });
    expect(await stranger.run()).toEqual({ outcome: 'refused' });
    expect((await members()).map(({ id }) => id)).toEqual(before);
  });

  it('that lost its whole inventory in the cluster makes it anew, and prunes as before', async () => {
    const installation = await install({ place: A });
    await installation.commit(folder(A, ['one', 'one/it', 'one/gone']));
    await installation.run();
    await cluster.kubectl(['--namespace=tidegate-system', 'delete', 'configmaps,leases', '--all']);
    await new Promise((resolve) => setTimeout(resolve, 1_100));

    await installation.commit(folder(A, ['one', 'one/it']));

    expect(await rootOf(installation)).toMatchObject({ state: 'ready', withheld: [] });
    expect(await exists('--namespace=one', 'configmap/gone')).toBe(false);
  });

  it('whose repository was renamed goes on, and so does its other half when its settings follow', async () => {
    const serve = await install({ place: A });
    const functions = await install({ place: A });
    const files = folder(A, ['one', 'one/it']);
    await serve.commit(files);
    await functions.commit(files);
    await serve.run();
    expect(await rootOf(functions)).toMatchObject({ state: 'ready' });
    const renamed = { ...A, repository: 'https://github.com/acme/renamed' };

    serve.configure({ place: renamed });
    expect(await rootOf(serve)).toMatchObject({ state: 'ready', withheld: [] });
    expect((await serve.events()).map(({ reason }) => reason)).toContain('InstallationMoved');

    expect(await functions.run()).toEqual({ outcome: 'refused' });
    functions.configure({ place: renamed });
    expect(await rootOf(functions)).toMatchObject({ state: 'ready' });
    const stranger = await install({ place: A });
    await stranger.commit(folder(A, ['two']));
    expect(await stranger.run()).toEqual({ outcome: 'refused' });
  });

  it('goes on under another name of the cluster', async () => {
    const installation = await install({ place: A });
    const files = folder(A, ['one', 'one/it']);
    await installation.commit(files);
    await installation.run();

    installation.configure({ cluster: 'renamed' });
    await installation.commit(files);

    expect(await rootOf(installation)).toMatchObject({ state: 'ready', withheld: [], failures: [] });
  });

  it('is told its name when the settings give it another one', async () => {
    const installation = await install({ place: A });
    await installation.commit(folder(A, ['one', 'one/it']));
    await installation.run();

    installation.configure({ name: 'other' });

    expect(await installation.run()).toEqual({ outcome: 'refused' });
    expect(await stalledMessage(installation)).toContain('say `installation: default` in tidegate.yaml');
  });
});

describe('a cluster as a version wrote it that knew no installations', () => {
  /** What that version did not write is taken away again. */
  async function forgetInstallations(installation: OpenInstallation): Promise<void> {
    const keys = ['installation', 'installation-id', 'repository', 'branch', 'path'].map(
      (key) => `tidegate.dev/${key}-`,
    );
    await cluster.kubectl(['--namespace=tidegate-system', 'annotate', ROOT_PARENT, ...keys]);
    await cluster.kubectl(['--namespace=tidegate-system', 'delete', 'lease/tidegate-installation']);
    await installation
      .journal()
      .write([{ type: 'Tombstone', partition: 'my-cluster', key: 'installation', at: Date.now() }]);
  }

  it('goes on without a change to any object, and is marked', async () => {
    const installation = await install({ place: A });
    await installation.commit(folder(A, ['one', 'one/it']));
    await installation.run();
    await forgetInstallations(installation);
    const members = async () => (await look()).filter(({ id }) => id.includes('/one'));
    const before = await members();

    expect(await rootOf(installation)).toMatchObject({
      state: 'ready',
      changes: [{ action: 'unchanged' }, { action: 'unchanged' }],
    });

    expect(await members()).toEqual(before);
    const mark = 'jsonpath={.metadata.annotations.tidegate\\.dev/installation-id}';
    const { stdout } = await cluster.kubectl(['--namespace=tidegate-system', 'get', ROOT_PARENT, '-o', mark]);
    expect(stdout).toBe(makeIdentity(A));
  });

  it('is nobody else’s, until somebody says so', async () => {
    const installation = await install({ place: A });
    await installation.commit(folder(A, ['one', 'one/it']));
    await installation.run();
    await forgetInstallations(installation);
    const before = await look();
    const stranger = await install({ place: B });
    await stranger.commit(folder(B, ['one']));

    expect(await stranger.run()).toEqual({ outcome: 'refused' });
    expect(await stranger.run()).toEqual({ outcome: 'refused' });
    expect(await look()).toEqual(before);

    await follow(await stalledMessage(stranger));
    expect(await rootOf(stranger)).toMatchObject({
      state: 'ready',
      changes: expect.arrayContaining([expect.objectContaining({ action: 'deleted' })]),
    });
    expect(await installation.run()).toEqual({ outcome: 'refused' });
  });
});

/** A random history that can be told again by its seed. */
function chances(seed: number): <Of>(choices: readonly Of[]) => Of {
  let state = seed;
  return <Of>(choices: readonly Of[]) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    const [chosen] = choices.slice((state >>> 8) % choices.length);
    if (chosen === undefined) throw new Error('nothing to choose from');
    return chosen;
  };
}

describe.each([
  ['with names of their own', 'team-a', 'team-b'],
  ['by the same name', 'default', 'default'],
])('two installations %s, in any order, whatever gets lost', (_how, nameOfA, nameOfB) => {
  const seeds = [1, 2, 3, 4, 5, 6].slice(0, sampleSize(1, 6));

  it.each(seeds)('never change what is the other’s (seed %i)', async (seed) => {
    const choose = chances(seed);
    const one = await install({ place: A, name: nameOfA });
    const two = await install({ place: B, name: nameOfB });
    await cluster.kubectl(['apply', '-f', '-'], { input: namespace('shared') });
    const sides = [
      { installation: one, place: A, own: 'one' },
      { installation: two, place: B, own: 'two' },
    ];
    const commit = (side: (typeof sides)[number]): Promise<void> => {
      const { own } = side;
      const names = [own, `${own}/a`, `${own}/b`, 'shared', `shared/${own}`, 'shared/it'].filter(
        (_name, index) => index === 0 || choose([true, true, false]),
      );
      return side.installation.commit(folder(side.place, names));
    };
    await Promise.all(sides.map(commit));
    const owners = new Map<string, OpenInstallation>();
    let refusals = 0;

    for (let step = 0; step < sampleSize(30, 60); step++) {
      const side = choose(sides);
      const { installation } = side;
      await choose<() => Promise<unknown>>([
        () => commit(side),
        () => commit(side),
        async () => undefined,
        () => installation.loseJournal(),
        () => installation.loseRecords(),
        () => cluster.kubectl(['--namespace=tidegate-system', 'delete', 'lease', '--all', '--ignore-not-found']),
      ])();
      const before = await look();

      const result = await installation.run();

      const after = await look();
      const now = new Set(after.map(({ id, partOf, state }) => `${id} ${partOf} ${state}`));
      const harmed = before.filter(
        ({ id, partOf, state }) =>
          (owners.get(partOf) ?? installation) !== installation && !now.has(`${id} ${partOf} ${state}`),
      );
      const failures = result.outcome === 'reconciled' ? result.applied.sets.flatMap((set) => set.failures) : [];
      const unexplained = failures
        .filter(({ reason }) => reason !== 'Terminating')
        .filter(({ message }) => !/of installation team-[ab] of .* owns it; .*adopt-installation/u.test(message));
      const isRefused = result.outcome === 'refused';
      const told = isRefused ? await stalledMessage(installation) : 'installation: <name> adopt-installation=';
      refusals += isRefused ? 1 : 0;
      expect({ step, harmed, unexplained }).toEqual({ step, harmed: [], unexplained: [] });
      expect(isRefused ? after : before).toEqual(before);
      expect(told).toMatch(/installation: <name>.*adopt-installation=/u);
      const known = new Set(before.map(({ partOf }) => partOf));
      after.filter(({ partOf }) => !known.has(partOf)).forEach(({ partOf }) => owners.set(partOf, installation));
    }
    expect(refusals > 0).toBe(nameOfA === nameOfB);
  });
});
