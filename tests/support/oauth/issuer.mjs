// A real OAuth server for the tests: oidc-provider, on a loopback port, with people who say yes to everything.
//
//   node issuer.mjs PORT JWKS_FILE
//
// Whoever signs in is the account named in `login_hint`; the access token's `org` claim is that account.
import { readFileSync } from 'node:fs';
import Provider, { errors } from 'oidc-provider';

const [port, jwksFile] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const SCOPES = 'layers:read layers:write';

const provider = new Provider(issuer, {
  jwks: JSON.parse(readFileSync(jwksFile, 'utf8')),
  cookies: { keys: ['only for tests'] },
  scopes: ['openid', 'offline_access', ...SCOPES.split(' ')],
  clients: [{
    client_id: 'robot',
    client_secret: 'only-for-tests',
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
  }],
  clientDefaults: { id_token_signed_response_alg: 'RS256' },
  findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  extraTokenClaims: (ctx, token) => ({ org: token.accountId ?? 'acme' }),
  interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
  pkce: { required: () => true },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    registration: { enabled: true },
    resourceIndicators: {
      enabled: true,
      useGrantedResource: () => true,
      getResourceServerInfo: (ctx, asked) => {
        if (!asked.startsWith('http://127.0.0.1:')) throw new errors.InvalidTarget();
        return {
          scope: SCOPES,
          audience: asked,
          accessTokenFormat: 'jwt',
          accessTokenTTL: 300,
          jwt: { sign: { alg: 'RS256' } },
        };
      },
    },
  },
});

provider.use(async (ctx, next) => {
  if (!ctx.path.startsWith('/interaction/')) return next();
  const { prompt, params, session } = await provider.interactionDetails(ctx.req, ctx.res);
  if (prompt.name === 'login') {
    return provider.interactionFinished(ctx.req, ctx.res, { login: { accountId: params.login_hint ?? 'acme' } });
  }
  const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  grant.addOIDCScope(['openid', 'offline_access', ...(prompt.details.missingOIDCScope ?? [])].join(' '));
  for (const [asked, scopes] of Object.entries(prompt.details.missingResourceScopes ?? {})) {
    grant.addResourceScope(asked, scopes.join(' '));
  }
  return provider.interactionFinished(ctx.req, ctx.res, { consent: { grantId: await grant.save() } });
});

provider.listen(Number(port), '127.0.0.1', () => console.log('ready'));
