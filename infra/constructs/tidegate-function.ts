import type { Duration } from 'aws-cdk-lib';
import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import type { IVpc, SecurityGroup, SubnetSelection } from 'aws-cdk-lib/aws-ec2';
import { Effect, Policy, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { ILayerVersion } from 'aws-cdk-lib/aws-lambda';
import { Architecture, Code, Function, LoggingFormat, Runtime, Tracing } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';

import { hashWithModes } from '#infra/asset-modes.ts';

import { acknowledge } from './acknowledge.ts';

const INTERFACE_ACTIONS = [
  'ec2:AssignPrivateIpAddresses',
  'ec2:CreateNetworkInterface',
  'ec2:DeleteNetworkInterface',
  'ec2:DescribeNetworkInterfaces',
  'ec2:DescribeSubnets',
  'ec2:UnassignPrivateIpAddresses',
];

export interface TidegateFunctionProps {
  readonly description: string;
  /** Folder with the bundle. */
  readonly bundle: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly timeout: Duration;
  readonly memorySize: number;
  readonly architecture?: Architecture;
  readonly layers?: readonly ILayerVersion[];
  readonly network?: FunctionNetwork;
  /** False where reading the source map would take longer than the function itself; true unless given. */
  readonly mapStackTraces?: boolean;
}

/** Where in a VPC a function runs. */
export interface FunctionNetwork {
  readonly vpc: IVpc;
  readonly subnets: SubnetSelection;
  readonly securityGroup: SecurityGroup;
}

/** A Lambda function as this house makes them: Node 24, a role of its own, kept logs and traces. */
export class TidegateFunction extends Construct {
  readonly function: Function;
  readonly role: Role;
  readonly logGroup: LogGroup;

  constructor(scope: Construct, id: string, props: TidegateFunctionProps) {
    super(scope, id);
    const { description, bundle, environment, timeout, memorySize, layers, network, mapStackTraces = true } = props;
    this.logGroup = new LogGroup(this, 'Logs', {
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.role = this.addRole();
    this.function = new Function(this, 'Function', {
      description,
      runtime: Runtime.NODEJS_24_X,
      architecture: props.architecture ?? Architecture.ARM_64,
      code: Code.fromAsset(bundle, { assetHash: hashWithModes(bundle) }),
      handler: 'index.handler',
      role: this.role,
      environment: { ...(mapStackTraces ? { NODE_OPTIONS: '--enable-source-maps' } : {}), ...environment },
      timeout,
      memorySize,
      logGroup: this.logGroup,
      loggingFormat: LoggingFormat.TEXT,
      tracing: Tracing.ACTIVE,
      ...(layers === undefined ? {} : { layers: [...layers] }),
      ...(network === undefined
        ? {}
        : { vpc: network.vpc, vpcSubnets: network.subnets, securityGroups: [network.securityGroup] }),
    });
    if (network !== undefined) this.grantInterfaces(network.securityGroup);
  }

  private addRole(): Role {
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    this.logGroup.grantWrite(role);
    acknowledge(
      role,
      'AwsSolutions-IAM5[Resource::*]',
      'X-Ray takes traces, and EC2 the network interfaces that Lambda makes in a VPC, for no narrower resource.',
    );
    return role;
  }

  /**
   * Lambda makes the interfaces with the function's role, and deletes them with it up to an hour after the function left the
   * VPC; its own code may not touch them. The policy lies beside that of the role and goes after the security group, which
   * EC2 keeps as long as there are interfaces in it.
   */
  private grantInterfaces(securityGroup: SecurityGroup): void {
    const { partition, region, account } = Stack.of(this);
    const functions = `arn:${partition}:lambda:${region}:${account}:function:tidegate-*`;
    const policy = new Policy(this.role, 'Interfaces', {
      roles: [this.role],
      statements: [
        new PolicyStatement({ actions: INTERFACE_ACTIONS, resources: ['*'] }),
        new PolicyStatement({
          effect: Effect.DENY,
          actions: INTERFACE_ACTIONS,
          resources: ['*'],
          conditions: { ArnLike: { 'lambda:SourceFunctionArn': functions } },
        }),
      ],
    });
    securityGroup.node.addDependency(policy);
  }
}
