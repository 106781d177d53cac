/** Where and when the prices below were read from AWS's price lists. They change; free tiers are left out. */
export const PRICES_OF = 'us-east-1, November 2026';

/** US dollars. */
export const LIST_PRICES = {
  schedulerInvocation: 1 / 1_000_000,
  fifoRequest: 0.5 / 1_000_000,
  lambdaRequest: 0.2 / 1_000_000,
  lambdaGbSecondArm: 0.000_013_333_4,
  lambdaGbSecondX86: 0.000_016_666_7,
  dynamoReadUnit: 0.125 / 1_000_000,
  dynamoWriteUnit: 0.625 / 1_000_000,
  /** With point-in-time recovery. */
  dynamoGbMonth: 0.25 + 0.2,
  s3Get: 0.4 / 1_000_000,
  s3Put: 5 / 1_000_000,
  s3GbMonth: 0.023,
  secretMonth: 0.4,
  secretRead: 0.05 / 10_000,
  httpApiRequest: 1 / 1_000_000,
  logGb: 0.5,
  alarmMonth: 0.1,
  customMetricMonth: 0.3,
  dashboardMonth: 3,
  trace: 5 / 1_000_000,
} as const;
