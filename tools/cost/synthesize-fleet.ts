import { synthesizeTemplate } from '#infra/synthesize-template.ts';
import { parseSettings } from '#shared/settings/parse-settings.ts';

/** What the price depends on of a stack's clusters. */
export interface Fleet {
  readonly clusters: number;
  readonly isPrivate: boolean;
}

/** Makes the template of a stack with so many clusters. What the functions do is not in it. */
export async function synthesizeFleet(fleet: Fleet): Promise<unknown> {
  const parsed = parseSettings(describeFleet(fleet), 'fleet.yaml');
  if (parsed.outcome === 'invalid') throw new Error(JSON.stringify(parsed.problems));
  return await synthesizeTemplate(parsed.settings, 'eu-west-1');
}

function describeFleet({ clusters, isPrivate }: Fleet): string {
  const entries = Array.from({ length: clusters }, (_, index) => {
    const id = index.toString(16).padStart(8, '0');
    const network = `, vpc: { id: vpc-${id}, subnets: [ subnet-${id} ], clusterSecurityGroup: sg-${id}, routeTables: [ rtb-${id} ] }`;
    const eks = `name: c${index}, region: eu-west-1, endpoint: "https://c${index}.example.com", certificateAuthority: AAAA`;
    return `  - { name: c${index}, path: ./clusters/c${index}, eks: { ${eks}${isPrivate ? network : ''} } }\n`;
  });
  const registry = '{ account: "123456789012", region: eu-west-1, repositories: [ "*" ] }';
  return `configRepository: { url: "https://github.com/acme/fleet-infra" }\nregistries: { ecr: [ ${registry} ] }\nclusters:\n${entries.join('')}`;
}
