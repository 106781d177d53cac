import { z } from 'zod';

/** One HTTP request to AWS, as far as it says what it is. */
export interface AwsRequest {
  readonly method: string;
  /** With the query. */
  readonly url: string;
  /** `DynamoDB_20120810.GetItem`; empty where a service speaks without. */
  readonly target: string;
  /** From the signature: `dynamodb`. */
  readonly service: string;
  /** Text of a request that is JSON or a form; empty for those of S3. */
  readonly body: string;
}

/** One thing that a call does, in IAM's words. */
export interface AwsDeed {
  readonly action: string;
  readonly resource: string;
  readonly leadingKeys?: readonly string[];
}

/** Whose resources the calls are about. */
export interface AwsPlace {
  readonly region: string;
  readonly account: string;
}

const Key = z.looseObject({ pk: z.looseObject({ S: z.string() }) });
const GetItem = z.looseObject({ TableName: z.string(), Key });
const PutItem = z.looseObject({ TableName: z.string(), Item: Key });
const Query = z.looseObject({
  TableName: z.string(),
  KeyConditionExpression: z.string().regex(/^pk = :pk\b/u),
  ExpressionAttributeValues: z.looseObject({ ':pk': z.looseObject({ S: z.string() }) }),
});
const Transaction = z.looseObject({
  TransactItems: z.array(z.strictObject({ Put: PutItem.optional(), ConditionCheck: GetItem.optional() })),
});
const Send = z.looseObject({ QueueUrl: z.string() });
const ReadSecret = z.looseObject({ SecretId: z.string() });
const AssumeRole = z.looseObject({ RoleArn: z.string() });
const DescribeImages = z.looseObject({ registryId: z.string().optional(), repositoryName: z.string() });

/**
 * Says what a call would do, in IAM's words.
 * @throws Error naming the operation, when it is not one of those known here.
 */
export function describeAwsCall(request: AwsRequest, { region, account }: AwsPlace): readonly AwsDeed[] {
  const { service, target, body } = request;
  const form = Object.fromEntries(service === 'sts' ? new URLSearchParams(body) : []);
  const operation = form['Action'] ?? target.slice(target.lastIndexOf('.') + 1);
  const json = (): unknown => JSON.parse(body);
  const table = (name: string): string => `arn:aws:dynamodb:${region}:${account}:table/${name}`;
  switch (`${service} ${operation}`) {
    case 'dynamodb GetItem': {
      const { TableName, Key: key } = GetItem.parse(json());
      return [{ action: 'dynamodb:GetItem', resource: table(TableName), leadingKeys: [key.pk.S] }];
    }
    case 'dynamodb PutItem': {
      const { TableName, Item } = PutItem.parse(json());
      return [{ action: 'dynamodb:PutItem', resource: table(TableName), leadingKeys: [Item.pk.S] }];
    }
    case 'dynamodb Query': {
      const { TableName, ExpressionAttributeValues: values } = Query.parse(json());
      return [{ action: 'dynamodb:Query', resource: table(TableName), leadingKeys: [values[':pk'].S] }];
    }
    case 'dynamodb TransactWriteItems':
      // A transaction is allowed what its parts are: there is no action of its own.
      return Transaction.parse(json()).TransactItems.flatMap(({ Put, ConditionCheck }) => [
        ...(Put === undefined
          ? []
          : [{ action: 'dynamodb:PutItem', resource: table(Put.TableName), leadingKeys: [Put.Item.pk.S] }]),
        ...(ConditionCheck === undefined
          ? []
          : [
              {
                action: 'dynamodb:ConditionCheckItem',
                resource: table(ConditionCheck.TableName),
                leadingKeys: [ConditionCheck.Key.pk.S],
              },
            ]),
      ]);
    case 'sqs SendMessage': {
      const name = Send.parse(json()).QueueUrl.split('/').at(-1) ?? '';
      return [{ action: 'sqs:SendMessage', resource: `arn:aws:sqs:${region}:${account}:${name}` }];
    }
    case 'secretsmanager GetSecretValue': {
      // A name means the secret whose ARN has six characters more, which chance has chosen.
      const { SecretId } = ReadSecret.parse(json());
      const resource = `arn:aws:secretsmanager:${region}:${account}:secret:${SecretId}-Ab12Cd`;
      return [{ action: 'secretsmanager:GetSecretValue', resource }];
    }
    case 'ecr DescribeImages': {
      const { registryId = account, repositoryName } = DescribeImages.parse(json());
      const resource = `arn:aws:ecr:${region}:${registryId}:repository/${repositoryName}`;
      return [{ action: 'ecr:DescribeImages', resource }];
    }
    case 'sts AssumeRole':
      return [{ action: 'sts:AssumeRole', resource: AssumeRole.parse(form).RoleArn }];
    case 's3 ':
      return [describeS3Call(request)];
    default:
      throw new Error(`operation ${service} ${operation || request.method} is not known here: say what IAM calls it`);
  }
}

function describeS3Call({ method, url }: AwsRequest): AwsDeed {
  const { pathname, searchParams } = new URL(url, 'http://s3');
  const [bucket = '', ...key] = decodeURIComponent(pathname).slice(1).split('/');
  // The SDK's name of the operation is no part of what is asked.
  const asks = [...searchParams.keys()].filter((name) => name !== 'x-id').toSorted();
  if (key.join('') === '') throw new Error(`S3 ${method} of a bucket is not known here: say what IAM calls it`);
  if (asks.length > 0) throw new Error(`S3 ${method} with ${asks.join(', ')} is not known here: say what IAM calls it`);
  const resource = `arn:aws:s3:::${bucket}/${key.join('/')}`;
  switch (method) {
    case 'GET':
    case 'HEAD':
      return { action: 's3:GetObject', resource };
    case 'PUT':
      return { action: 's3:PutObject', resource };
    default:
      throw new Error(`S3 ${method} is not known here: say what IAM calls it`);
  }
}
