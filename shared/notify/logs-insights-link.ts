import { isCluster, type ObjectName } from '#shared/records/journal-record.ts';

/** As long as the log group keeps its lines; seconds. */
const KEPT_SECONDS = 30 * 24 * 60 * 60;

/**
 * The address of a query in CloudWatch Logs Insights that shows all that the log says of an object, newest first. Who
 * opens it signs in to the account first.
 */
export function logsInsightsLink(
  { cluster, kind, namespace, name }: ObjectName,
  log: { readonly region: string; readonly group: string },
): string {
  const about = isCluster({ kind }) ? '' : ` and object = "${kind}/${namespace}/${name}"`;
  const query = [
    'fields @timestamp, level, reason, text, object, revision',
    `filter cluster = "${cluster}"${about}`,
    'sort @timestamp desc',
    'limit 200',
  ].join('\n| ');
  const detail = `~(end~0~start~-${KEPT_SECONDS}~timeType~'RELATIVE~tz~'UTC~unit~'seconds~editorString~'${encode(query)}~source~(~'${encode(log.group)}))`;
  const { region } = log;
  return `https://${region}.${consoleOf(region)}/cloudwatch/home?region=${region}#logsV2:logs-insights$3FqueryDetail$3D${detail}`;
}

/** The console's own way to write a text: what is no letter or digit as `*` and its number. */
function encode(text: string): string {
  return text.replace(/[^A-Za-z0-9_.-]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return code < 0x100 ? `*${code.toString(16).padStart(2, '0')}` : `**${code.toString(16).padStart(4, '0')}`;
  });
}

function consoleOf(region: string): string {
  if (region.startsWith('cn-')) return 'console.amazonaws.cn';
  return region.startsWith('us-gov-') ? 'console.amazonaws-us-gov.com' : 'console.aws.amazon.com';
}
