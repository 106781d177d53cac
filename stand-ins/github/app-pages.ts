import { randomBytes } from 'node:crypto';
import { z } from 'zod';

import type { Core } from './core.ts';
import { createApp } from './create-app.ts';
import { covers } from './permit.ts';
import type { Permissions } from './state.ts';
import { isWebFlow } from './state.ts';

const PATH = /^\/(?:organizations\/([\w-]+)\/)?settings\/apps(\/new)?$/;
const CODE_LIFETIME_MS = 3_600_000;
const LONGEST_NAME = 34;

/** What an App has to be allowed to see for the events it asks for. */
const NEEDED: Readonly<Record<string, Permissions>> = {
  push: { contents: 'read' },
  pull_request: { pull_requests: 'read' },
  status: { statuses: 'read' },
};

const Url = z.string().refine((text) => URL.canParse(text), 'is not a URL');
const Manifest = z.strictObject({
  name: z.string().max(LONGEST_NAME).optional(),
  url: Url,
  description: z.string().optional(),
  redirect_url: Url.optional(),
  callback_urls: z.array(Url).max(10).optional(),
  setup_url: Url.optional(),
  setup_on_update: z.boolean().optional(),
  request_oauth_on_install: z.boolean().optional(),
  public: z.boolean().optional(),
  hook_attributes: z.strictObject({ url: Url, active: z.boolean().default(true) }).optional(),
  default_permissions: z.record(z.string(), z.enum(['read', 'write'])).default({}),
  default_events: z.array(z.string()).default([]),
});
type Manifest = z.infer<typeof Manifest>;

/** A page for people, as far as programs look at it. */
export type Page = {
  readonly status: number;
  readonly html: string;
  readonly headers?: Readonly<Record<string, string>>;
};

/**
 * The pages on which a person registers an App: the empty form, the form that a manifest has filled, and what pressing
 * "Create" answers. Null for every other page.
 */
export async function serveAppPages(core: Core, method: string, url: URL, body: string): Promise<Page | null> {
  const [, organization, isNew] = PATH.exec(url.pathname) ?? [];
  if (!PATH.test(url.pathname)) return null;
  if (method === 'GET' && isNew !== undefined) return page(200, 'Register new GitHub App', form(url, '', ''));
  if (method !== 'POST') return null;
  const fields = new URLSearchParams(body);
  const text = fields.get('manifest') ?? '';
  const manifest = readManifest(text);
  if (typeof manifest === 'string') return page(422, 'Invalid GitHub App configuration', `<p>${escape(manifest)}</p>`);
  if (isNew !== undefined) {
    const name = manifest.name ?? '';
    return page(200, `Create GitHub App for ${organization ?? 'your account'}`, form(url, name, text));
  }
  return await createFromManifest(core, { manifest, organization, name: fields.get('name') ?? '', url });
}

function readManifest(text: string): Manifest | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return 'the manifest is not JSON';
  }
  const parsed = Manifest.safeParse(value);
  if (!parsed.success) {
    return parsed.error.issues.map(({ path, message }) => `${path.map(String).join('.')}: ${message}`).join('; ');
  }
  const { default_permissions: granted, default_events: events } = parsed.data;
  const unseen = events.find((event) => !covers(granted, NEEDED[event] ?? { [event]: 'read' }));
  return unseen === undefined ? parsed.data : `Default events are not supported by permissions: ${unseen}`;
}

async function createFromManifest(
  core: Core,
  wanted: { manifest: Manifest; organization: string | undefined; name: string; url: URL },
): Promise<Page> {
  const { manifest, organization, name, url } = wanted;
  const slug = name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
  if (slug === '' || name.length > LONGEST_NAME || core.state.apps.some((app) => app.slug === slug)) {
    return page(422, 'Invalid GitHub App configuration', '<p>Name is already taken, too long or empty</p>');
  }
  const user = core.state.accounts.find((one) => one.type === 'User' && !isWebFlow(one))?.login;
  const { hook_attributes: hook, redirect_url: redirect } = manifest;
  const app = createApp(core, {
    slug,
    name,
    owner: organization ?? user ?? 'octocat',
    permissions: manifest.default_permissions,
    events: manifest.default_events,
    ...(hook?.active === true ? { hook: { url: hook.url, secret: randomBytes(20).toString('hex') } } : {}),
  });
  const code = randomBytes(20).toString('hex');
  const expiresAt = new Date(core.now().getTime() + CODE_LIFETIME_MS).toISOString();
  core.state.manifestCodes.push({ code, appId: app.id, expiresAt });
  await core.save();
  if (redirect === undefined) return page(200, name, '<p>GitHub App was created.</p>');
  const target = new URL(redirect);
  target.searchParams.set('code', code);
  const state = url.searchParams.get('state');
  if (state !== null) target.searchParams.set('state', state);
  return { ...page(302, 'Redirecting', ''), headers: { location: target.href } };
}

function form(url: URL, name: string, manifest: string): string {
  const action = url.pathname.replace(/\/new$/, '') + url.search;
  return [
    `<form action="${escape(action)}" method="post">`,
    `<input type="text" name="name" value="${escape(name)}">`,
    `<input type="hidden" name="manifest" value="${escape(manifest)}">`,
    '<button>Create GitHub App</button></form>',
  ].join('\n');
}

function page(status: number, title: string, html: string): Page {
  return { status, html: `<!doctype html>\n<title>${escape(title)}</title>\n<h1>${escape(title)}</h1>\n${html}\n` };
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');
}
