import { describe, expect, it } from 'vitest';

import { logsInsightsLink } from '#shared/notify/logs-insights-link.ts';
import { clusterObject } from '#shared/records/journal-record.ts';

const LOG = { region: 'eu-west-1', group: '/aws/lambda/tidegate-notify' };
const APPS = { cluster: 'prod', kind: 'Kustomization', namespace: 'flux-system', name: 'apps' };

/** What CloudWatch's console reads from its own address: `*20` is a space. */
function readBack(link: string, field: string): string {
  const [, text = ''] = new RegExp(`~${field}~(?:\\(~)?'([^~)]*)`, 'u').exec(link) ?? [];
  return text.replaceAll(/\*([0-9a-f]{2})/gu, (_, hex: string) => String.fromCodePoint(Number.parseInt(hex, 16)));
}

describe('the link to the log', () => {
  it('asks the group of notify for all that was said of the object', () => {
    const link = logsInsightsLink(APPS, LOG);

    expect(new URL(link)).toMatchObject({ protocol: 'https:', host: 'eu-west-1.console.aws.amazon.com' });
    expect(readBack(link, 'editorString').split('\n| ')).toContain(
      'filter cluster = "prod" and object = "Kustomization/flux-system/apps"',
    );
    expect(readBack(link, 'source')).toBe(LOG.group);
  });

  it('asks for all of a cluster where it is the cluster that is told of', () => {
    expect(readBack(logsInsightsLink(clusterObject('prod'), LOG), 'editorString')).toContain('cluster = "prod"\n');
  });

  it.each([
    ['cn-north-1', 'cn-north-1.console.amazonaws.cn'],
    ['us-gov-west-1', 'us-gov-west-1.console.amazonaws-us-gov.com'],
  ])('leads to the console of the partition of %s', (region, host) => {
    expect(new URL(logsInsightsLink(APPS, { ...LOG, region })).host).toBe(host);
  });

  it('has no character that a text of GitHub ends a link at, and is short', () => {
    const name = 'x'.repeat(253);
    const link = logsInsightsLink({ ...APPS, name }, LOG);

    expect(link).not.toMatch(/[\s"<>\\^`{|}]/u);
    expect(link.length).toBeLessThan(1_000);
  });
});
