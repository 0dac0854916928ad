// @authing/web, the vendor's client for single-page applications, unmodified from npm in a headless Chromium.
import assert from 'node:assert/strict';
import { openBrowser, packageDir, pageHost, pageOrigin, serverHost, serverOrigin, servePages } from './lib/browser.mjs';
import { onEachEngine } from './lib/guildhall.mjs';

const password = 'a long passphrase';

// A page as a developer writes it.
const webPage = `<!doctype html><meta charset="utf-8"><title>A page with the web client</title>
<script src="/axios/axios.min.js"></script><script src="/web/index.global.js"></script><script>
const q = new URLSearchParams(location.search);
const stored = JSON.parse(sessionStorage.getItem('options') || 'null');
const options = q.get('options') ? JSON.parse(q.get('options')) : stored;
sessionStorage.setItem('options', JSON.stringify(options));
window.sdk = new AuthingFactory.Authing(options);
</script>`;

onEachEngine(
  'the web client',
  async (t, hall) => {
    const pool = hall.pools[0];
    const pages = await servePages({ '/web/': `${packageDir('@authing/web')}/dist/global`, '/axios/': `${packageDir('axios')}/dist`, '/index.html': webPage });
    t.after(() => pages.close());
    const browser = await openBrowser({ [pageHost]: pages.port, [serverHost]: hall.port });
    t.after(() => browser.close());

    const home = `${pageOrigin}/index.html`;
    const made = await pool.signed('POST', '/api/v3/create-application', {
      appName: 'web', appType: 'spa', redirectUris: [home], logoutRedirectUris: [home], oidcConfig: { id_token_signed_response_alg: 'RS256' },
    });
    assert.equal(made.statusCode, 200, JSON.stringify(made));
    const user = await pool.signed('POST', '/api/v3/create-user', { username: 'ann', email: 'ann@example.com', password });
    assert.equal(user.statusCode, 200, JSON.stringify(user));
    const userId = user.data.userId;
    const options = (more) => ({ domain: serverOrigin, appId: made.data.appId, userPoolId: pool.userPoolId, redirectUri: home, logoutRedirectUri: home, scope: 'openid profile offline_access', ...more });
    const open = async (more, visit) => {
      visit ??= await browser.visit();
      await visit.page.goto(`${home}?${new URLSearchParams({ options: JSON.stringify(options(more)) })}`);
      return visit;
    };
    const fill = async (page) => {
      await page.fill('[name=account]', 'ann');
      await page.fill('[name=password]', password);
      await page.locator('form button').filter({ hasText: 'Sign in' }).first().click();
    };
    const back = (page) => page.waitForURL((url) => url.href.startsWith(home) && /[?#&](code|error)=/.test(url.href));

    for (const mode of ['fragment', 'query']) {
      await t.test(`there and back by ${mode}, quietly, refresh, out`, async () => {
        const visit = await open({ redirectResponseMode: mode });
        const { page } = visit;
        assert.equal(await page.evaluate(() => sdk.getLoginState()), null, 'nobody is signed in');
        await page.evaluate(() => void sdk.loginWithRedirect());
        await page.waitForURL(`${serverOrigin}/login?**`);
        await fill(page);
        await back(page);
        const state = await page.evaluate(() => sdk.handleRedirectCallback());
        assert.equal(state.parsedIdToken.sub, userId);
        assert.equal(state.parsedAccessToken.aud, made.data.appId);
        assert.ok(state.refreshToken);

        const next = await page.evaluate(() => sdk.refreshToken());
        assert.ok(next.accessToken && next.accessToken !== state.accessToken);
        const refresh = visit.to('/oidc/token').at(-1);
        assert.equal(refresh.headers['x-authing-app-id'], made.data.appId);
        assert.doesNotMatch(refresh.body, /client_id|client_secret/);

        const info = await page.evaluate(() => sdk.getUserInfo());
        assert.equal(info.userId, userId, JSON.stringify(info));

        // In a hidden frame, without anything kept.
        await page.evaluate(() => Object.keys(localStorage).forEach((key) => localStorage.removeItem(key)));
        const quiet = await page.evaluate(() => sdk.getLoginState({ ignoreCache: true }));
        assert.equal(quiet?.parsedIdToken.sub, userId, JSON.stringify(visit.lost));

        const out = page.waitForRequest(`${serverOrigin}/oidc/session/end?**`);
        await page.evaluate(() => void sdk.logoutWithRedirect());
        assert.match((await out).url(), /id_token_hint=.*&post_logout_redirect_uri=|post_logout_redirect_uri=.*&id_token_hint=/);
        await page.waitForURL((url) => url.href.startsWith(home) && !/code=|options=/.test(url.href));
        await page.waitForFunction(() => window.sdk);
        assert.equal(await page.evaluate(() => sdk.getLoginState({ ignoreCache: true })), null, 'signed out');
        assert.deepEqual(visit.faults, []);
        await visit.close();
      });
    }

    await t.test('in a window of its own', async () => {
      const visit = await open();
      const popup = visit.context.waitForEvent('page');
      const state = visit.page.evaluate(() => sdk.loginWithPopup());
      await fill(await popup);
      assert.equal((await state).parsedIdToken.sub, userId);
      await visit.close();
    });

    await t.test('an address that is not registered', async () => {
      const visit = await open({ redirectUri: `${home}?other` });
      const { page } = visit;
      await page.goto(`${serverOrigin}/oidc/auth?${new URLSearchParams({ client_id: made.data.appId, redirect_uri: `${home}?other`, response_type: 'code', scope: 'openid', response_mode: 'web_message' })}`);
      assert.match(await page.content(), /redirect_uri is not registered/);
      await visit.close();
    });
  },
  { baseURL: serverOrigin },
);
