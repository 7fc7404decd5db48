// The TypeScript SDK's client, from nothing but a URL to the result of a tool: 401, discovery, registration, PKCE, token.
//
//   node client.mjs URL TOOL ACCOUNT
//
// Prints the tool's result, and what each step asked, as one line of JSON.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';

const [url, tool, account] = process.argv.slice(2);
const redirectUrl = 'http://127.0.0.1:9/callback';
const seen = [];
let code;

async function signIn(authorization) {
  authorization.searchParams.set('login_hint', account);
  const cookies = new Map();
  let next = authorization;
  while (!next.href.startsWith(redirectUrl)) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await fetch(next, { redirect: 'manual', headers: { cookie } });
    for (const line of answer.headers.getSetCookie()) {
      const [name, value] = line.split(';', 1)[0].split('=');
      cookies.set(name, value);
    }
    const place = answer.headers.get('location');
    if (!place) throw new Error(`${answer.status} without a redirect: ${await answer.text()}`);
    next = new URL(place, next);
  }
  code = next.searchParams.get('code');
  if (!code) throw new Error(`no code: ${next.search}`);
}

const kept = {};
const provider = {
  redirectUrl,
  clientMetadata: {
    client_name: 'test',
    redirect_uris: [redirectUrl],
    grant_types: ['authorization_code'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
  },
  clientInformation: () => kept.client,
  saveClientInformation: (client) => { kept.client = client; },
  tokens: () => kept.tokens,
  saveTokens: (tokens) => { kept.tokens = tokens; },
  saveCodeVerifier: (verifier) => { kept.verifier = verifier; },
  codeVerifier: () => kept.verifier,
  redirectToAuthorization: signIn,
};

const watched = async (input, init) => {
  const answer = await fetch(input, init);
  seen.push(`${init?.method ?? 'GET'} ${new URL(input.url ?? input).pathname} ${answer.status}`);
  return answer;
};

async function connect() {
  const client = new Client({ name: 'test', version: '1' });
  const transport = new StreamableHTTPClientTransport(new URL(url), { authProvider: provider, fetch: watched });
  try {
    await client.connect(transport);
    return client;
  } catch (error) {
    if (!(error instanceof UnauthorizedError) || !code) throw error;
    await transport.finishAuth(code);
    return null;
  }
}

const client = (await connect()) ?? (await connect());
const result = await client.callTool({ name: tool, arguments: {} });
console.log(JSON.stringify({ result, seen, scope: kept.tokens.scope }));
await client.close();
