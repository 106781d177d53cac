/** A page as a person sees it after pressing a button, and where the browser then is. */
export interface SeenPage {
  readonly url: string;
  readonly status: number;
  readonly html: string;
}

/** Opens a page. */
export async function openPage(url: string): Promise<SeenPage> {
  return await see(await fetch(url, { redirect: 'manual' }), url);
}

/** Presses the button of the one form on a page, with what is filled in changed. */
export async function submitForm(page: SeenPage, changes: Readonly<Record<string, string>> = {}): Promise<SeenPage> {
  const action = /<form action="([^"]*)" method="post">/u.exec(page.html)?.[1];
  if (action === undefined) throw new Error(`${page.url} has no form: ${page.html}`);
  const inputs = page.html.matchAll(/<input type="\w+" name="(\w+)" value="([^"]*)"/gu);
  const fields = Object.fromEntries([...inputs].map(([, name = '', value = '']) => [name, unescape(value)]));
  const url = new URL(unescape(action), page.url).href;
  const body = new URLSearchParams({ ...fields, ...changes });
  return await see(await fetch(url, { method: 'POST', body, redirect: 'manual' }), url);
}

/** Registers an App as a person would: opens the address, goes on to GitHub, presses the button; not yet sent back. */
export async function registerOnGitHub(url: string): Promise<SeenPage> {
  const sentBack = await submitForm(await submitForm(await openPage(url)));
  if (sentBack.status !== 302) throw new Error(`GitHub registered nothing: ${sentBack.html}`);
  return sentBack;
}

async function see(response: Response, url: string): Promise<SeenPage> {
  const location = response.headers.get('location');
  return { url: location ?? url, status: response.status, html: await response.text() };
}

function unescape(text: string): string {
  return text.replaceAll('&lt;', '<').replaceAll('&quot;', '"').replaceAll('&amp;', '&');
}
