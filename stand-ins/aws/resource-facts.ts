/** What CloudFormation and the services behind it hold to for resources of one type. */
export interface ResourceFacts {
  /** Properties whose change makes a new resource before the old one is deleted. A test compares them with the schemas. */
  readonly replacedBy: readonly string[];
  /** The property with its name, of which there can be one only; a name that CloudFormation makes up collides with nothing. */
  readonly named?: string;
  /** What else there can be only one of, as far as the properties say it; the properties are resolved. */
  readonly identities?: (properties: Readonly<Record<string, unknown>>) => readonly string[];
  /** How long a name is not to be had again after its resource was deleted; `docs/operations.md` says it to people. */
  readonly keepsName?: string;
}

type Properties = Readonly<Record<string, unknown>>;

/** Several properties that tell one resource from another. */
function togetherBy(...names: readonly string[]): NonNullable<ResourceFacts['identities']> {
  return (properties) => [names.map((name) => `${name} ${text(properties[name])}`).join(', ')];
}

/** For each thing of a list: the one that it is attached to holds no second one. */
function eachOf(list: string, ...names: readonly string[]): NonNullable<ResourceFacts['identities']> {
  return (properties) =>
    listOf(properties[list]).map((item) =>
      [`${list} ${text(item)}`, ...names.map((name) => `${name} ${text(properties[name])}`)].join(', '),
    );
}

/** Every type of the stack. One that is missing here is an error, not a resource that collides with nothing. */
export const RESOURCE_FACTS: Readonly<Record<string, ResourceFacts>> = {
  'AWS::ApiGatewayV2::Api': { replacedBy: ['ProtocolType'] },
  'AWS::ApiGatewayV2::Integration': { replacedBy: ['ApiId'] },
  'AWS::ApiGatewayV2::Route': { replacedBy: ['ApiId'], identities: togetherBy('ApiId', 'RouteKey') },
  'AWS::ApiGatewayV2::Stage': { replacedBy: ['ApiId', 'StageName'], identities: togetherBy('ApiId', 'StageName') },
  'AWS::CloudWatch::Alarm': { replacedBy: ['AlarmName'], named: 'AlarmName' },
  'AWS::CloudWatch::CompositeAlarm': { replacedBy: ['AlarmName'], named: 'AlarmName' },
  'AWS::CloudWatch::Dashboard': { replacedBy: ['DashboardName'], named: 'DashboardName' },
  'AWS::DynamoDB::Table': {
    replacedBy: ['ImportSourceSpecification', 'KeySchema', 'TableName'],
    named: 'TableName',
  },
  // https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html
  'AWS::EC2::SecurityGroup': {
    replacedBy: ['GroupDescription', 'GroupName', 'VpcId'],
    named: 'GroupName',
  },
  'AWS::EC2::SecurityGroupIngress': {
    replacedBy: [
      'CidrIp',
      'CidrIpv6',
      'FromPort',
      'GroupId',
      'GroupName',
      'IpProtocol',
      'SourcePrefixListId',
      'SourceSecurityGroupId',
      'SourceSecurityGroupName',
      'SourceSecurityGroupOwnerId',
      'ToPort',
    ],
    identities: togetherBy('GroupId', 'IpProtocol', 'FromPort', 'ToPort', 'SourceSecurityGroupId', 'CidrIp'),
  },
  // A route table takes one route to the prefix list of a service.
  // https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-endpoints.html
  'AWS::EC2::VPCEndpoint': {
    replacedBy: [
      'DnsOptions',
      'ResourceConfigurationArn',
      'ServiceName',
      'ServiceNetworkArn',
      'ServiceRegion',
      'VpcEndpointType',
      'VpcId',
    ],
    identities: eachOf('RouteTableIds', 'ServiceName'),
  },
  'AWS::EKS::AccessEntry': {
    replacedBy: ['ClusterName', 'PrincipalArn', 'Type'],
    identities: togetherBy('ClusterName', 'PrincipalArn'),
  },
  'AWS::Events::EventBusPolicy': {
    replacedBy: ['EventBusName', 'StatementId'],
    identities: togetherBy('EventBusName', 'StatementId'),
  },
  'AWS::Events::Rule': { replacedBy: ['EventBusName', 'Name'], named: 'Name' },
  'AWS::IAM::ManagedPolicy': {
    replacedBy: ['Description', 'ManagedPolicyName', 'Path'],
    named: 'ManagedPolicyName',
  },
  // A second one of a name overwrites the first, and takes it along when it is deleted.
  'AWS::IAM::Policy': { replacedBy: [], identities: eachOf('Roles', 'PolicyName') },
  'AWS::IAM::Role': { replacedBy: ['Path', 'RoleName'], named: 'RoleName' },
  // https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html: ResourceConflictException
  'AWS::Lambda::EventSourceMapping': {
    replacedBy: ['EventSourceArn', 'SelfManagedEventSource', 'StartingPosition', 'StartingPositionTimestamp'],
    identities: togetherBy('FunctionName', 'EventSourceArn'),
  },
  'AWS::Lambda::Function': {
    replacedBy: ['DurableConfig', 'FunctionName', 'PackageType', 'TenancyConfig'],
    named: 'FunctionName',
  },
  'AWS::Lambda::LayerVersion': {
    replacedBy: ['CompatibleArchitectures', 'CompatibleRuntimes', 'Content', 'Description', 'LayerName', 'LicenseInfo'],
  },
  'AWS::Lambda::Permission': {
    replacedBy: [
      'Action',
      'EventSourceToken',
      'FunctionName',
      'FunctionUrlAuthType',
      'InvokedViaFunctionUrl',
      'Principal',
      'PrincipalOrgID',
      'SourceAccount',
      'SourceArn',
    ],
  },
  'AWS::Logs::LogGroup': { replacedBy: ['LogGroupName'], named: 'LogGroupName' },
  'AWS::Logs::MetricFilter': { replacedBy: ['FilterName', 'LogGroupName'], named: 'FilterName' },
  'AWS::S3::Bucket': {
    replacedBy: ['BucketName', 'BucketNamePrefix', 'BucketNamespace'],
    named: 'BucketName',
  },
  // A bucket or queue has one policy: a second one overwrites it, and the first to be deleted takes it along.
  'AWS::S3::BucketPolicy': { replacedBy: ['Bucket'], identities: togetherBy('Bucket') },
  'AWS::SQS::Queue': {
    replacedBy: ['FifoQueue', 'QueueName'],
    named: 'QueueName',
    // https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteQueue.html
    keepsName: '60 seconds',
  },
  'AWS::SQS::QueuePolicy': { replacedBy: [], identities: eachOf('Queues') },
  'AWS::Scheduler::Schedule': { replacedBy: ['Name'], named: 'Name' },
  'AWS::Scheduler::ScheduleGroup': {
    replacedBy: ['Name'],
    named: 'Name',
    // https://docs.aws.amazon.com/scheduler/latest/APIReference/API_DeleteScheduleGroup.html
    keepsName: 'all its schedules are deleted',
  },
  'AWS::SecretsManager::Secret': {
    replacedBy: ['Name'],
    named: 'Name',
    // https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DeleteSecret.html
    keepsName: '7 to 30 days',
  },
};

/** What there can be only one of. */
export function identitiesOf(type: string, properties: Properties): readonly string[] {
  const { named, identities } = RESOURCE_FACTS[type] ?? {};
  const name = named === undefined ? undefined : properties[named];
  const own = name === undefined ? [] : [`${named} ${text(name)}`];
  return [...own, ...(identities?.(properties) ?? [])].map((identity) => `${type} with ${identity}`);
}

/** The groups that the interfaces of a function are in. */
export function securityGroupsOf({ VpcConfig }: Properties): readonly unknown[] {
  return typeof VpcConfig === 'object' && VpcConfig !== null ? listOf(Reflect.get(VpcConfig, 'SecurityGroupIds')) : [];
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? 'none');
}
