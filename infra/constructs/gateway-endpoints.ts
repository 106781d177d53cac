import { Stack } from 'aws-cdk-lib';
import { CfnVPCEndpoint } from 'aws-cdk-lib/aws-ec2';
import { Construct } from 'constructs';

import type { ClusterVpc } from '#shared/settings/settings.ts';

/** What the function of a private cluster needs besides its API server. */
const SERVICES = ['s3', 'dynamodb'];

/**
 * Gateway endpoints for S3 and DynamoDB, one of each in a VPC, with the route tables of all clusters there. They belong to
 * the VPC and are named after it: a cluster that is renamed or taken out leaves them to the others, and EC2 takes no
 * second endpoint for a service on a route table, which a new name would mean.
 */
export class GatewayEndpoints extends Construct {
  constructor(scope: Construct, id: string, networks: readonly ClusterVpc[]) {
    super(scope, id);
    for (const [vpcId, routeTables] of routeTablesByVpc(networks)) {
      for (const service of SERVICES) {
        new CfnVPCEndpoint(this, `${vpcId}-${service}`, {
          vpcId,
          serviceName: `com.amazonaws.${Stack.of(this).region}.${service}`,
          vpcEndpointType: 'Gateway',
          // Sorted, so that the order of the clusters changes nothing.
          routeTableIds: [...routeTables].toSorted(),
        });
      }
    }
  }
}

function routeTablesByVpc(networks: readonly ClusterVpc[]): ReadonlyMap<string, ReadonlySet<string>> {
  const tables = new Map<string, Set<string>>();
  for (const { id, routeTables } of networks) {
    if (routeTables.length === 0) continue;
    const known = tables.get(id) ?? new Set();
    tables.set(id, known);
    for (const table of routeTables) known.add(table);
  }
  return tables;
}
