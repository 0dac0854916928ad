// OpenID Connect and OAuth 2 over authing-js-sdk: the methods of its AuthenticationClient that build addresses, fetch tokens and look at them.
import assert from 'node:assert/strict';
import { AuthenticationClient } from 'authing-js-sdk';
import { onEachEngine } from './lib/guildhall.mjs';
import { Visitor } from './lib/visitor.mjs';

const callback = 'https://app.example/cb';
const bye = 'https://app.example/bye';
const password = 'a long passphrase';

onEachEngine('V2 clients at the provider', async (t, hall) => {
  const [pool] = hall.pools;
  const ok = async (answer) => {
    const { statusCode, message, data } = await answer;
    assert.equal(statusCode, 200, message);
    return data;
  };
  const { userId } = await ok(pool.signed('POST', '/api/v3/create-user', { username: 'ann', email: 'ann@example.com', phone: '13800000001', password }));
  /** An application, and a client of it. */
  const client = async ({ oidcConfig, options = {}, ...settings } = {}) => {
    const { appId } = await ok(
      pool.signed('POST', '/api/v3/create-application', { appName: 'app', redirectUris: [callback], logoutRedirectUris: [bye], oidcConfig, ...settings }),
    );
    const { secret } = await ok(pool.signed('GET', '/api/v3/get-application-secret', { appId }));
    const { token_endpoint_auth_method: method = 'client_secret_post' } = oidcConfig ?? {};
    const onError = (code, message, data) => {
      throw { code, message, data };
    };
    return new AuthenticationClient({
      appId,
      secret: method === 'none' ? undefined : secret,
      appHost: hall.url,
      redirectUri: callback,
      tokenEndPointAuthMethod: method,
      introspectionEndPointAuthMethod: method,
      revocationEndPointAuthMethod: method,
      onError,
      ...options,
    });
  };
  /** Signs ann in at an address and returns where the browser is sent. */
  const signIn = async (address, visitor = new Visitor()) => {
    let page = await visitor.go(address);
    if (!page.outside) page = await visitor.submit(page, { account: 'ann', password });
    assert.ok(page.outside, `still at ${page.url} (${page.status}):\n${page.text.slice(0, 2000)}`);
    return new URL(page.url);
  };

  for (const method of ['client_secret_post', 'client_secret_basic', 'none']) {
    await t.test(`a code with PKCE, ${method}`, async () => {
      const authing = await client({
        oidcConfig: { token_endpoint_auth_method: method, introspection_endpoint_auth_method: method, revocation_endpoint_auth_method: method },
      });
      const verifier = authing.generateCodeChallenge();
      const visitor = new Visitor();
      const address = authing.buildAuthorizeUrl({
        scope: 'openid profile email phone address username offline_access',
        state: 'st4te',
        nonce: 'n0nce',
        codeChallenge: authing.getCodeChallengeDigest({ codeChallenge: verifier, method: 'S256' }),
        codeChallengeMethod: 'S256',
      });
      const at = await signIn(address, visitor);
      assert.equal(at.searchParams.get('state'), 'st4te');
      const code = at.searchParams.get('code');
      const tokens = await authing.getAccessTokenByCode(code, { codeVerifier: verifier });
      assert.equal(tokens.token_type, 'Bearer');
      assert.ok(tokens.refresh_token);

      const id = await authing.validateToken({ idToken: tokens.id_token });
      assert.equal(id.sub, userId);
      assert.equal(id.nonce, 'n0nce');
      assert.equal(id.phone_number, '13800000001');
      assert.equal((await authing.validateToken({ accessToken: tokens.access_token })).sub, userId);
      assert.equal((await authing.validateToken({ accessToken: `${tokens.access_token}x` })).code, 400);

      for (const options of [
        undefined,
        { method: 'GET', tokenPlace: 'query' },
        { method: 'GET', tokenPlace: 'header' },
        { method: 'POST', tokenPlace: 'query' },
        { method: 'POST', tokenPlace: 'header' },
        { method: 'POST', tokenPlace: 'body' },
      ]) {
        const info = await authing.getUserInfoByAccessToken(tokens.access_token, options);
        assert.equal(info.sub, userId, JSON.stringify({ options, info }));
        assert.equal(info.email, 'ann@example.com');
      }

      const seen = await authing.introspectToken(tokens.access_token);
      assert.equal(seen.active, true);
      assert.equal(seen.client_id, authing.options.appId);
      const next = await authing.getNewAccessTokenByRefreshToken(tokens.refresh_token);
      assert.notEqual(next.refresh_token, tokens.refresh_token);
      assert.equal(await authing.revokeToken(next.access_token), true);
      assert.equal((await authing.introspectToken(next.access_token)).active, false);
      assert.equal(await authing.revokeToken(next.refresh_token), true);
      assert.equal((await authing.introspectToken(next.refresh_token)).active, false);
      await assert.rejects(async () => {
        const answer = await authing.getNewAccessTokenByRefreshToken(next.refresh_token);
        if (answer?.error || !answer?.access_token) throw answer;
      });

      // The address of signing out knows who it is for.
      const out = await visitor.go(authing.buildLogoutUrl({ expert: true, redirectUri: bye, idToken: tokens.id_token }));
      assert.equal(out.url, bye);
      assert.ok(!(await visitor.go(address)).outside, 'signed out');
    });
  }

  await t.test('another verifier, a code that is none, somebody else', async () => {
    const authing = await client();
    const verifier = authing.generateCodeChallenge();
    const at = await signIn(authing.buildAuthorizeUrl({ codeChallenge: authing.getCodeChallengeDigest({ codeChallenge: verifier }), codeChallengeMethod: 'S256' }));
    const refused = async (promise) => {
      const answer = await promise.catch((error) => error);
      assert.equal(answer?.access_token, undefined);
      assert.match(JSON.stringify(answer?.response?.data ?? answer), /invalid_grant|invalid_client/);
    };
    const code = at.searchParams.get('code');
    await refused((await client()).getAccessTokenByCode(code, { codeVerifier: verifier }));
    await refused(authing.getAccessTokenByCode(code, { codeVerifier: authing.generateCodeChallenge() }));
    await refused(authing.getAccessTokenByCode('x'.repeat(40), { codeVerifier: verifier }));
  });

  await t.test('signing out by the short address', async () => {
    const authing = await client();
    const visitor = new Visitor();
    await signIn(authing.buildAuthorizeUrl(), visitor);
    const out = await visitor.go(authing.buildLogoutUrl({ redirectUri: bye }));
    assert.ok(out.url.startsWith(bye) || out.text.includes('<form'), `${out.status} ${out.url}`);
  });

  await t.test('client credentials', async () => {
    const authing = await client();
    const { data } = await pool.rest('POST', `/api/v2/applications/${authing.options.appId}/programmatic-access-accounts`, { tokenLifetime: 100 });
    const tokens = await authing.getAccessTokenByClientCredentials('books:read', { accessKey: data.id, accessSecret: data.secret });
    assert.equal(tokens.expires_in, 100);
    assert.equal(tokens.rejected_scope, 'books:read');
    assert.equal((await authing.introspectToken(tokens.access_token)).active, true);
  });

  await t.test('OAuth 2', async () => {
    const authing = await client({ oauthProviderEnabled: true, options: { protocol: 'oauth' } });
    const at = await signIn(authing.buildAuthorizeUrl({ scope: 'user' }));
    const tokens = await authing.getAccessTokenByCode(at.searchParams.get('code'));
    assert.ok(!tokens.access_token.includes('.'));
    assert.equal((await authing.getUserInfoByAccessToken(tokens.access_token)).sub, userId);
    assert.equal((await authing.introspectToken(tokens.access_token)).active, true);
    assert.equal(await authing.revokeToken(tokens.access_token), true);
    assert.equal((await authing.introspectToken(tokens.access_token)).active, false);
  });
});
