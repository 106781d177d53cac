import { spawn } from 'node:child_process';

/** Opens a page in the browser of whoever sits here, if there is one; nobody waits for it. */
export function openBrowser(url: string, env: Readonly<Record<string, string | undefined>>): void {
  const [command, ...args] = browserCommand(env['BROWSER']);
  if (command === undefined) return;
  const child = spawn(command, [...args, url], { stdio: 'ignore', detached: true });
  // The address was printed: a machine without a browser loses nothing.
  child.once('error', () => {});
  child.unref();
}

function browserCommand(chosen: string | undefined): readonly string[] {
  const [first = ''] = (chosen ?? '').split(':');
  if (first !== '') return [first];
  if (process.platform === 'darwin') return ['open'];
  return process.platform === 'win32' ? ['rundll32', 'url.dll,FileProtocolHandler'] : ['xdg-open'];
}
