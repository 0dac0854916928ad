// The provider by its clients: the certified openid-client, and the official AuthenticationClient's methods of OpenID Connect.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs';
import { createServer } from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { AuthenticationClient } from 'authing-node-sdk';
import * as client from 'openid-client';
import { onEachEngine } from './lib/guildhall.mjs';
import { Visitor } from './lib/visitor.mjs';

const callback = 'https://app.example/cb';
const password = 'a long passphrase';

/** Signs ann in at an authorization address and returns where the browser is sent. */
async function signIn(visitor, address) {
  let page = await visitor.go(address);
  if (!page.outside) page = await visitor.submit(page, { account: 'ann', password });
  assert.ok(page.outside, `still at ${page.url} (${page.status}):\n${page.text.slice(0, 4000)}`);
  return new URL(page.url);
}

async function application(pool, settings = {}, oidcConfig = {}) {
  const answer = await pool.signed('POST', '/api/v3/create-application', {
    appName: 'app',
    redirectUris: [callback],
    logoutRedirectUris: ['https://app.example/bye'],
    oidcConfig,
    ...settings,
  });
  assert.equal(answer.statusCode, 200, JSON.stringify(answer));
  const secret = await pool.signed('GET', '/api/v3/get-application-secret', { appId: answer.data.appId });
  return { id: answer.data.appId, secret: secret.data.secret };
}

async function ann(pool) {
  const made = await pool.signed('POST', '/api/v3/create-user', { username: 'ann', email: 'ann@example.com', password });
  assert.equal(made.statusCode, 200, JSON.stringify(made));
  return made.data.userId;
}

const discover = (hall, id, metadata, auth) =>
  client.discovery(new URL(`${hall.url}/oidc`), id, metadata, auth, { execute: [client.allowInsecureRequests] });

onEachEngine('openid-client', async (t, hall) => {
  const [pool] = hall.pools;
  const userId = await ann(pool);

  for (const [alg, method] of [['RS256', 'client_secret_post'], ['ES256', 'client_secret_basic'], ['HS256', 'client_secret_post']]) {
    await t.test(`code with PKCE, refresh, reuse, ${alg}, ${method}`, async () => {
      const app = await application(pool, {}, { id_token_signed_response_alg: alg, token_endpoint_auth_method: method, introspection_endpoint_auth_method: method, revocation_endpoint_auth_method: method });
      const config = await discover(
        hall,
        app.id,
        { id_token_signed_response_alg: alg },
        method === 'client_secret_basic' ? client.ClientSecretBasic(app.secret) : client.ClientSecretPost(app.secret),
      );
      const verifier = client.randomPKCECodeVerifier();
      const [state, nonce] = [client.randomState(), client.randomNonce()];
      const address = client.buildAuthorizationUrl(config, {
        redirect_uri: callback,
        scope: 'openid profile email offline_access',
        code_challenge: await client.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
        state,
        nonce,
        max_age: '300',
      });
      const visitor = new Visitor();
      const at = await signIn(visitor, address.href);
      const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, maxAge: 300 };
      const tokens = await client.authorizationCodeGrant(config, at, checks);
      assert.equal(tokens.claims().sub, userId);
      assert.equal(tokens.claims().email, 'ann@example.com');
      const info = await client.fetchUserInfo(config, tokens.access_token, userId);
      assert.equal(info.email, 'ann@example.com');
      const seen = await client.tokenIntrospection(config, tokens.access_token);
      assert.equal(seen.active, true);
      assert.equal(seen.client_id, app.id);

      const next = await client.refreshTokenGrant(config, tokens.refresh_token);
      assert.notEqual(next.refresh_token, tokens.refresh_token);
      await assert.rejects(client.refreshTokenGrant(config, tokens.refresh_token), (e) => e.error === 'invalid_grant');
      await assert.rejects(client.refreshTokenGrant(config, next.refresh_token), (e) => e.error === 'invalid_grant');
      assert.equal((await client.tokenIntrospection(config, next.access_token)).active, false);

      // The same code again, from the same address.
      await assert.rejects(client.authorizationCodeGrant(config, at, checks), (e) => e.error === 'invalid_grant');

      // Quietly, and out again.
      const quiet = new URL(address);
      quiet.searchParams.set('prompt', 'none');
      assert.ok((await visitor.go(quiet.href)).url.startsWith(`${callback}?code=`));
      await client.tokenRevocation(config, tokens.access_token);
      const out = await visitor.go(
        client.buildEndSessionUrl(config, { id_token_hint: tokens.id_token, post_logout_redirect_uri: 'https://app.example/bye', state: 'gone' }).href,
      );
      assert.equal(out.url, 'https://app.example/bye?state=gone');
      assert.equal(new URL((await visitor.go(quiet.href)).url).searchParams.get('error'), 'login_required');
    });
  }

  await t.test('a public client, and a state that is not ours', async () => {
    const app = await application(pool, { appType: 'spa' });
    const config = await discover(hall, app.id, {}, client.None());
    const verifier = client.randomPKCECodeVerifier();
    const address = client.buildAuthorizationUrl(config, {
      redirect_uri: callback,
      scope: 'openid',
      code_challenge: await client.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      state: 'mine',
    });
    const at = await signIn(new Visitor(), address.href);
    await assert.rejects(client.authorizationCodeGrant(config, at, { pkceCodeVerifier: verifier, expectedState: 'other' }));
    const tokens = await client.authorizationCodeGrant(config, at, { pkceCodeVerifier: verifier, expectedState: 'mine' }).catch(async (e) => {
      throw new Error(JSON.stringify(e));
    });
    assert.equal(tokens.refresh_token, undefined);
    // The issuer of the answer is checked (RFC 9207).
    const forged = new URL(at);
    forged.searchParams.set('iss', 'https://evil.example');
    await assert.rejects(client.authorizationCodeGrant(config, forged, { pkceCodeVerifier: verifier, expectedState: 'mine' }));
    // Without a challenge there is no code.
    address.searchParams.delete('code_challenge');
    address.searchParams.delete('code_challenge_method');
    const refused = new URL((await new Visitor().go(address.href)).url);
    assert.equal(refused.searchParams.get('error'), 'invalid_request');
    assert.equal(refused.searchParams.get('state'), 'mine');
  });

  await t.test('hybrid and implicit', async () => {
    const app = await application(pool, {}, { response_types: ['code', 'id_token', 'code id_token'], grant_types: ['authorization_code', 'implicit'], id_token_signed_response_alg: 'RS256' });
    const hybrid = await discover(hall, app.id, { id_token_signed_response_alg: 'RS256' }, client.ClientSecretPost(app.secret));
    client.useCodeIdTokenResponseType(hybrid);
    const nonce = client.randomNonce();
    const visitor = new Visitor();
    const at = await signIn(visitor, client.buildAuthorizationUrl(hybrid, { redirect_uri: callback, scope: 'openid', nonce, state: 's' }).href);
    const tokens = await client.authorizationCodeGrant(hybrid, at, { expectedNonce: nonce, expectedState: 's' });
    assert.equal(tokens.claims().sub, userId);

    const implicit = await discover(hall, app.id, { id_token_signed_response_alg: 'RS256' }, client.ClientSecretPost(app.secret));
    client.useIdTokenResponseType(implicit);
    const back = await signIn(visitor, client.buildAuthorizationUrl(implicit, { redirect_uri: callback, scope: 'openid', nonce, state: 's' }).href);
    const claims = await client.implicitAuthentication(implicit, back, nonce, { expectedState: 's' });
    assert.equal(claims.sub, userId);
  });

  await t.test('client credentials', async () => {
    const app = await application(pool);
    const config = await discover(hall, app.id, {}, client.ClientSecretPost(app.secret));
    const tokens = await client.clientCredentialsGrant(config, { scope: 'nothing:read' });
    assert.equal(tokens.rejected_scope, 'nothing:read');
    const wrong = await discover(hall, app.id, {}, client.ClientSecretPost('wrong'));
    await assert.rejects(client.clientCredentialsGrant(wrong), (e) => e.error === 'invalid_client' || e.cause?.error === 'invalid_client' || e.status === 401);
  });

  await t.test('device', async () => {
    const app = await application(pool, { appType: 'native' }, { grant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'authorization_code'] });
    const config = await discover(hall, app.id, {}, client.None());
    const start = await client.initiateDeviceAuthorization(config, { scope: 'openid email' });
    assert.match(start.user_code, /^[A-Z]{4}-[A-Z]{4}$/);
    const visitor = new Visitor();
    let page = await visitor.go(start.verification_uri_complete);
    for (let n = 0; n < 4 && !page.text.includes('name="answer"'); n++) {
      page = await visitor.submit(page, page.text.includes('name="password"') ? { account: 'ann', password } : { user_code: start.user_code });
    }
    await visitor.submit(page, { answer: 'yes' });
    const tokens = await client.pollDeviceAuthorizationGrant(config, start);
    assert.equal(tokens.claims().sub, userId);
  });
});

onEachEngine('AuthenticationClient', async (t, hall) => {
  const [pool] = hall.pools;
  const userId = await ann(pool);

  for (const method of ['client_secret_post', 'client_secret_basic', 'none']) {
    for (const alg of ['HS256', 'RS256']) {
      await t.test(`${method} ${alg}`, async () => {
        const app = await application(pool, {}, {
          token_endpoint_auth_method: method, introspection_endpoint_auth_method: method, revocation_endpoint_auth_method: method, id_token_signed_response_alg: alg,
          grant_types: ['authorization_code', 'refresh_token'],
          legacy: method === 'none', // this client sends no challenge
        });
        const sdk = new AuthenticationClient({
          appId: app.id,
          appSecret: app.secret,
          appHost: hall.url,
          redirectUri: callback,
          logoutRedirectUri: 'https://app.example/bye',
          scope: 'openid profile email phone username offline_access',
          tokenEndPointAuthMethod: method,
          introspectionEndPointAuthMethod: method,
          revocationEndPointAuthMethod: method,
        });
        const { url, state } = sdk.buildAuthorizeUrl();
        const visitor = new Visitor();
        const at = await signIn(visitor, url);
        assert.equal(at.searchParams.get('state'), state);
        const tokens = await sdk.getAccessTokenByCode(at.searchParams.get('code'));
        assert.equal(tokens.token_type, 'Bearer');
        assert.ok(tokens.refresh_token);
        const id = await sdk.parseIDToken(tokens.id_token);
        assert.equal(id.sub, userId);
        assert.equal(id.email, 'ann@example.com');
        const access = await sdk.parseAccessToken(tokens.access_token);
        assert.equal(access.sub, userId);
        assert.equal(access.aud, app.id);

        for (const options of [undefined, { method: 'GET', tokenPlace: 'header' }, { method: 'GET' }, { method: 'POST', tokenPlace: 'header' }, { method: 'POST', tokenPlace: 'query' }, { method: 'POST', tokenPlace: 'body' }]) {
          const info = await sdk.getUserInfoByAccessToken(tokens.access_token, options);
          assert.equal(info.sub, userId, JSON.stringify({ options, info }));
          assert.equal(info.username, 'ann');
        }
        // From here on the client puts its bare token into every request's header.
        sdk.setAccessToken(tokens.access_token);
        if (method !== 'client_secret_basic') {
          assert.equal((await sdk.introspectToken(tokens.access_token)).active, true);
          const next = await sdk.getNewAccessTokenByRefreshToken(tokens.refresh_token);
          assert.notEqual(next.refresh_token, tokens.refresh_token);
          assert.equal(await sdk.revokeToken(next.refresh_token), true);
          assert.equal((await sdk.introspectToken(next.access_token)).active, false);
        }
        assert.equal((await sdk.getUserInfoByAccessToken(tokens.access_token).catch((e) => e.response?.data ?? e)).sub, method === 'client_secret_basic' ? userId : undefined);
        const out = await visitor.go(sdk.buildLogoutUrl({ idToken: tokens.id_token, state: 's' }));
        assert.equal(out.url, 'https://app.example/bye?state=s');
      });
    }
  }

  await t.test('client credentials of a programmatic account', async () => {
    const app = await application(pool);
    const made = await pool.rest('POST', `/api/v2/applications/${app.id}/programmatic-access-accounts`, { tokenLifetime: 100 });
    const sdk = new AuthenticationClient({ appId: app.id, appSecret: app.secret, appHost: hall.url, redirectUri: callback });
    const tokens = await sdk.getAccessTokenByClientCredentials('books:read', { accessKey: made.data.id, accessSecret: made.data.secret });
    assert.equal(tokens.expires_in, 100);
    assert.equal(tokens.rejected_scope, 'books:read');
  });

  await t.test('OAuth 2', async () => {
    const app = await application(pool, { oauthProviderEnabled: true });
    const sdk = new AuthenticationClient({ appId: app.id, appSecret: app.secret, appHost: hall.url, redirectUri: callback, protocol: 'oauth' });
    const at = await signIn(new Visitor(), sdk.buildAuthorizeUrl({}).url);
    const tokens = await sdk.getAccessTokenByCode(at.searchParams.get('code'));
    assert.ok(!tokens.access_token.includes('.'));
    assert.equal((await sdk.getUserInfoByAccessToken(tokens.access_token)).sub, userId);
    assert.equal((await sdk.introspectToken(tokens.access_token)).active, true);
    assert.equal(await sdk.revokeToken(tokens.access_token), true);
    assert.equal((await sdk.introspectToken(tokens.access_token)).active, false);
  });
});

onEachEngine(
  'back-channel logout',
  async (t, hall) => {
    const [pool] = hall.pools;
    const userId = await ann(pool);
    const told = [];
    const listener = createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      told.push(new URLSearchParams(body).get('logout_token'));
      response.end();
    }).listen(0, '127.0.0.1');
    await once(listener, 'listening');
    t.after(() => listener.close());
    const app = await application(pool, {}, { backchannel_logout_uri: `http://127.0.0.1:${listener.address().port}/out` });
    const sdk = new AuthenticationClient({ appId: app.id, appSecret: app.secret, appHost: hall.url, redirectUri: callback });
    const at = await signIn(new Visitor(), sdk.buildAuthorizeUrl().url);
    await sdk.getAccessTokenByCode(at.searchParams.get('code'));
    const kicked = await pool.signed('POST', '/api/v3/kick-users', { appIds: [app.id], userId });
    assert.equal(kicked.statusCode, 200, JSON.stringify(kicked));
    for (const deadline = Date.now() + 10_000; told.length === 0; ) {
      assert.ok(Date.now() < deadline, `nobody was told:\n${hall.log()}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const claims = JSON.parse(Buffer.from(told[0].split('.')[1], 'base64url'));
    assert.equal(claims.sub, userId);
    assert.equal(claims.aud, app.id);
    assert.ok(claims.events['http://schemas.openid.net/event/backchannel-logout']);
  },
  { flags: ['--config', localSettings()] },
);

/** A configuration that lets logout tokens go to this machine. */
function localSettings() {
  const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'guildhall-oidc-')), 'config.yaml');
  fs.writeFileSync(file, 'private_targets: true\n');
  process.once('exit', () => fs.rmSync(path.dirname(file), { recursive: true, force: true }));
  return file;
}
