import { Agent, request } from 'undici';

/** A connection over which an API server answers in JSON. */
export interface ApiServerConnection {
  call(
    method: 'GET' | 'POST',
    path: string,
    body?: unknown,
  ): Promise<{ readonly status: number; readonly body: unknown }>;
  close(): Promise<void>;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // `/readyz` and its like answer in plain words.
    return text;
  }
}

/** Opens a connection to an API server for the owner of a token. */
export function connectToApiServer(server: string, certificateAuthority: string, token: string): ApiServerConnection {
  const agent = new Agent({ connect: { ca: certificateAuthority } });
  return {
    call: async (method, path, body) => {
      const answer = await request(`${server}${path}`, {
        dispatcher: agent,
        method,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        headersTimeout: 5_000,
      });
      return { status: answer.statusCode, body: parse(await answer.body.text()) };
    },
    close: () => agent.destroy(),
  };
}
