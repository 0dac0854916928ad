// @authing/web, the vendor's SDK for pages, unmodified from npm in a headless Chromium: redirects, frames and windows, and the hosted pages between them.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import path from 'node:path';
import { openBrowser, packageDir, pageHost, pageOrigin, serverHost, serverOrigin, servePages } from './lib/browser.mjs';
import { totp } from './lib/factor.mjs';
import { codeFor, onEachEngine } from './lib/guildhall.mjs';

const password = 'Correct-Horse-7-Battery';
const callback = `${pageOrigin}/callback`;
const bye = `${pageOrigin}/bye`;

// A page as a developer writes it: the SDK with its options, the axios that it brings along, and the encryption that its documentation asks for.
const sdkPage = `<!doctype html><meta charset="utf-8"><title>A page with the SDK</title><h1>A page with the SDK</h1>
<script src="/axios/axios.js"></script><script src="/jsencrypt/jsencrypt.min.js"></script><script src="/sm-crypto/sm2.js"></script>
<script src="/web/index.global.js"></script><script>
const given = new URLSearchParams(location.search).get('options');
if (given) sessionStorage.setItem('options', given);
const { sm, ...options } = JSON.parse(sessionStorage.getItem('options'));
const encryptFunction = (text, key) => {
  if (sm) return window.sm2.doEncrypt(text, key, 1);
  const rsa = new JSEncrypt();
  rsa.setPublicKey(key);
  return rsa.encrypt(text);
};
window.sdk = new AuthingFactory.Authing({ ...options, encryptFunction });
</script>`;

/** The axios of the SDK itself: others in the tree are of other versions. */
function axiosDir() {
  const ofSDK = createRequire(path.join(packageDir('@authing/web'), 'package.json'));
  return path.join(path.dirname(ofSDK.resolve('axios/package.json')), 'dist');
}

onEachEngine(
  '@authing/web',
  async (t, hall) => {
    const [pool] = hall.pools;
    const pages = await servePages({
      '/web/': `${packageDir('@authing/web')}/dist/global`,
      '/axios/': axiosDir(),
      '/jsencrypt/': `${packageDir('jsencrypt')}/bin`,
      '/sm-crypto/': `${packageDir('sm-crypto')}/dist`,
      '/index.html': sdkPage,
      '/callback': sdkPage,
      '/bye': '<!doctype html><title>bye</title><h1>bye</h1>',
    });
    t.after(() => pages.close());
    const browser = await openBrowser({ [pageHost]: pages.port, [serverHost]: hall.port });
    t.after(() => browser.close());

    const ok = async (answer) => {
      const { statusCode, message, data } = await answer;
      assert.equal(statusCode, 200, message);
      return data;
    };
    /** An application of the kind that pages are: it can keep no secret. Gives what the SDK wants to know of it. */
    const application = async (settings = {}) => {
      const { appId } = await ok(
        pool.signed('POST', '/api/v3/create-application', { appName: 'Ledger', appType: 'spa', redirectUris: [callback], logoutRedirectUris: [bye], ...settings }),
      );
      return { domain: serverOrigin, appId, userPoolId: pool.userPoolId, redirectUri: callback, scope: 'openid profile email' };
    };
    const person = async (username) => (await ok(pool.signed('POST', '/api/v3/create-user', { username, email: `${username}@example.com`, password }))).userId;

    /** Opens a page with the SDK, in a browser of its own unless a visit is given. */
    const open = async (options, { visit, locale } = {}) => {
      visit ??= await browser.visit(undefined, { locale });
      if (!visit.said) {
        visit.said = [];
        visit.page.on('console', (message) => message.type() === 'warning' && visit.said.push(message.text()));
      }
      await visit.page.goto(`${pageOrigin}/index.html?options=${encodeURIComponent(JSON.stringify(options))}`);
      return visit;
    };
    /** Begins a sign-in and waits for the page that asks for it. */
    const leave = async (visit, options, method = 'loginWithRedirect') => {
      const { page } = visit;
      await Promise.all([page.waitForURL(`${serverOrigin}/login?**`), page.evaluate(([name, o]) => void sdk[name](o), [method, options])]);
    };
    const fill = async (page, fields) => {
      for (const [label, text] of Object.entries(fields)) await page.getByLabel(label, { exact: true }).fill(text);
    };
    const press = (page, name) => page.getByRole('button', { name, exact: true }).click();
    const arrives = (page, name) => page.getByRole('heading', { level: 1, name }).waitFor({ timeout: 15_000 });
    const enter = async (page, account, secret = password) => {
      await fill(page, { 'Username, e-mail or phone': account, Password: secret });
      await press(page, 'Sign in');
    };
    /** Waits until the browser is back at the application, and lets the SDK read what it brought. */
    const back = async ({ page }) => {
      await page.waitForURL((url) => url.href.startsWith(callback));
      assert.equal(await page.evaluate(() => sdk.isRedirectCallback()), true);
      return page.evaluate(() => sdk.handleRedirectCallback());
    };
    const silent = ({ page }) => page.evaluate(() => sdk.getLoginState({ ignoreCache: true }));
    const stored = ({ page }) => page.evaluate(() => Object.entries(localStorage).find(([key]) => key.includes('login-state'))?.[1]);
    /** Signed in at an application, with everything but the browser new. */
    const signedIn = async (options, account = 'ann') => {
      const visit = await open(options);
      await leave(visit);
      await enter(visit.page, account);
      visit.state = await back(visit);
      return visit;
    };
    /** Changes what the SDK remembers of the sign-in that it has begun. */
    const forge = ({ page }, change) =>
      page.evaluate((fields) => {
        const key = Object.keys(sessionStorage).find((name) => name.includes(':tx:'));
        sessionStorage.setItem(key, JSON.stringify({ ...JSON.parse(sessionStorage.getItem(key)), ...fields }));
      }, change);

    const app = await application();
    const ann = await person('ann');
    /** Registers a test of what no engine changes: one of them is enough. */
    const once = (name, run) => (hall.engine === 'sqlite' ? t.test(name, run) : undefined);

    for (const redirectResponseMode of ['fragment', 'query']) {
      await once(`loginWithRedirect, ${redirectResponseMode}`, async () => {
        const visit = await open({ ...app, redirectResponseMode });
        const { page } = visit;
        await leave(visit);
        await arrives(page, 'Sign in');
        await enter(page, 'ann', 'not-the-password');
        await page.getByText('The account or the password is wrong').waitFor();
        await fill(page, { Password: password });
        await press(page, 'Sign in');
        const state = await back(visit);
        assert.ok(page.url().startsWith(`${callback}${redirectResponseMode === 'query' ? '?' : '#'}code=`), page.url());
        assert.equal(state.parsedIdToken.sub, ann);
        assert.equal(state.parsedIdToken.email, 'ann@example.com');
        assert.equal(state.parsedIdToken.aud, app.appId);
        assert.equal(state.parsedAccessToken.aud, app.appId);
        assert.equal(state.refreshToken, undefined);
        assert.equal(JSON.parse(await stored(visit)).accessToken, state.accessToken);
        const [exchange] = visit.to('/oidc/token');
        assert.match(exchange.body, /code_verifier=[\w-]{43}/);
        assert.ok(!exchange.body.includes('client_secret'));
        const info = await page.evaluate(() => sdk.getUserInfo());
        assert.equal(info.userId, ann, JSON.stringify(info));
        assert.equal(info.email, 'ann@example.com');
        // The sign-in has been used up: coming by the same address again leads nowhere.
        await page.reload();
        await assert.rejects(page.evaluate(() => sdk.handleRedirectCallback()), /获取登录流程会话失败/);
        assert.deepEqual(visit.faults, []);
        assert.deepEqual(visit.lost, []);
        await visit.close();
      });
    }

    await once('loginWithRedirect: forced, back to where it began, with a context, and getLoginStateWithRedirect', async () => {
      const visit = await open({ ...app, redirectToOriginalUri: true });
      const { page } = visit;
      await leave(visit);
      await enter(page, 'ann');
      await page.waitForURL((url) => url.href.startsWith(callback));
      await Promise.all([page.waitForURL(`${pageOrigin}/index.html?**`), page.evaluate(() => void sdk.handleRedirectCallback())]);
      const first = JSON.parse(await stored(visit));
      assert.equal(first.parsedIdToken.sub, ann);
      // Signed in: nobody is asked, unless it is forced.
      await open(app, { visit });
      await Promise.all([page.waitForURL((url) => url.href.startsWith(callback)), page.evaluate(() => void sdk.loginWithRedirect())]);
      assert.equal((await back(visit)).parsedIdToken.auth_time, first.parsedIdToken.auth_time);
      await open(app, { visit });
      await leave(visit, { forced: true, login_page_context: 'a=1&b="2"' });
      await arrives(page, 'Sign in');
      assert.equal(await page.getByLabel('Username, e-mail or phone', { exact: true }).inputValue(), 'ann');
      await enter(page, 'ann');
      assert.ok((await back(visit)).parsedIdToken.auth_time > first.parsedIdToken.auth_time);
      await open(app, { visit });
      await Promise.all([page.waitForURL((url) => url.href.startsWith(callback)), page.evaluate(() => void sdk.getLoginStateWithRedirect())]);
      assert.equal((await back(visit)).parsedIdToken.sub, ann);
      await visit.close();
    });

    await once('another state, another nonce, another verifier', async () => {
      const visit = await signedIn(app);
      const { page } = visit;
      const again = async () => {
        await open(app, { visit });
        await Promise.all([page.waitForURL((url) => url.href.startsWith(callback)), page.evaluate(() => void sdk.loginWithRedirect())]);
      };
      await page.goto(`${callback}#code=${'x'.repeat(67)}&state=${'y'.repeat(16)}`);
      await assert.rejects(page.evaluate(() => sdk.handleRedirectCallback()), /获取登录流程会话失败/);
      await again();
      await forge(visit, { nonce: 'another' });
      await assert.rejects(page.evaluate(() => sdk.handleRedirectCallback()), /nonce 验证失败/);
      await again();
      await forge(visit, { codeVerifier: 'z'.repeat(43) });
      await assert.rejects(page.evaluate(() => sdk.handleRedirectCallback()), /认证服务器返回错误 invalid_grant/);
      await visit.close();
    });

    await t.test('getLoginState: from a frame, quietly', async () => {
      const visit = await open(app);
      const { page } = visit;
      assert.equal(await silent(visit), null);
      assert.deepEqual(visit.said, ['用户未登录']); // neither another refusal nor silence
      await leave(visit);
      await enter(page, 'ann');
      const { accessToken } = await back(visit);
      await open(app, { visit });
      assert.equal((await page.evaluate(() => sdk.getLoginState())).accessToken, accessToken); // kept
      const fresh = await silent(visit);
      assert.notEqual(fresh.accessToken, accessToken);
      assert.equal(fresh.parsedIdToken.sub, ann);
      // Another application of the pool is signed in as well, unless it takes no part in that.
      await page.evaluate(() => localStorage.clear());
      await open(await application(), { visit });
      assert.equal((await silent(visit)).parsedIdToken.sub, ann);
      await page.evaluate(() => localStorage.clear());
      await open(await application({ ssoEnabled: false }), { visit });
      visit.said.length = 0;
      assert.equal(await silent(visit), null);
      assert.deepEqual(visit.said, ['用户未登录']);
      // One that wants the person's word says so, and shows no page in the frame.
      await open(await application({ loginConfig: { showAuthorizationPage: true } }), { visit });
      visit.said.length = 0;
      assert.equal(await silent(visit), null);
      assert.match(visit.said.join(), /error=consent_required/);
      // A page that is not the application's hears nothing at all.
      await open({ ...app, redirectUri: 'http://evil.guildhall.test/' }, { visit });
      visit.said.length = 0;
      assert.equal(await page.evaluate(() => Promise.race([sdk.getLoginState({ ignoreCache: true }), new Promise((r) => setTimeout(r, 700, 'nothing'))])), 'nothing');
      assert.deepEqual(visit.faults, []);
      await visit.close();
    });

    await t.test('getLoginState with introspectAccessToken', async () => {
      const visit = await signedIn({ ...app, introspectAccessToken: true });
      const { page } = visit;
      const { accessToken } = visit.state;
      assert.equal((await page.evaluate(() => sdk.getLoginState())).accessToken, accessToken);
      assert.equal((await visit.answer('/oidc/token/introspection')).active, true);
      const form = new URLSearchParams({ client_id: app.appId, token: accessToken });
      assert.equal((await fetch(`${hall.url}/oidc/token/revocation`, { method: 'POST', body: form })).status, 200);
      const fresh = await page.evaluate(() => sdk.getLoginState());
      assert.equal((await visit.answer('/oidc/token/introspection')).active, false);
      assert.notEqual(fresh.accessToken, accessToken);
      assert.equal(fresh.parsedIdToken.sub, ann);
      await visit.close();
    });

    await t.test('loginWithPopup', async () => {
      const visit = await open(app);
      const { page } = visit;
      const window = async (options) => {
        const [popup] = await Promise.all([visit.context.waitForEvent('page'), page.evaluate((o) => void (window.login = sdk.loginWithPopup(o)).catch(() => {}), options)]);
        return popup;
      };
      const closed = (popup) => popup.isClosed() || popup.waitForEvent('close', { timeout: 10_000 });
      const popup = await window();
      await arrives(popup, 'Sign in');
      await enter(popup, 'ann');
      assert.equal((await page.evaluate(() => login)).parsedIdToken.sub, ann);
      await closed(popup); // nothing is left standing
      // Signed in already: the window is gone as soon as it has come, and forced asks.
      await closed(await window());
      assert.equal((await page.evaluate(() => login)).parsedIdToken.sub, ann);
      const forced = await window({ forced: true });
      await enter(forced, 'ann');
      assert.equal((await page.evaluate(() => login)).parsedIdToken.sub, ann);
      await closed(forced);
      // Whoever closes it is not signed in.
      const left = await window({ forced: true });
      await arrives(left, 'Sign in');
      await left.close();
      assert.equal(await page.evaluate(() => login), null);
      // Whoever refuses, is heard.
      await open(await application({ loginConfig: { showAuthorizationPage: true } }), { visit });
      const asked = await window();
      await arrives(asked, 'Allow access?');
      await press(asked, 'Do not allow');
      await assert.rejects(page.evaluate(() => login), /error=access_denied/);
      await closed(asked);
      await visit.close();
    });

    await t.test('refreshToken', async () => {
      const visit = await signedIn({ ...app, scope: 'openid profile email offline_access' });
      const { page } = visit;
      const old = await stored(visit);
      const next = await page.evaluate(() => sdk.refreshToken());
      const [, call] = visit.to('/oidc/token');
      assert.equal(call.headers['x-authing-app-id'], app.appId);
      assert.ok(!call.body.includes('client_id'));
      assert.notEqual(next.refreshToken, visit.state.refreshToken);
      assert.equal(next.parsedIdToken.sub, ann);
      assert.equal((await page.evaluate(() => sdk.refreshToken())).parsedAccessToken.sub, ann);
      assert.equal((await page.evaluate(() => sdk.getUserInfo())).userId, ann);
      // A refresh token that has been used is a stolen one: everything that came from the sign-in ends.
      const mine = await stored(visit);
      const [key] = await page.evaluate(() => Object.keys(localStorage).filter((name) => name.includes('login-state')));
      const put = (text) => page.evaluate(([k, v]) => localStorage.setItem(k, v), [key, text]);
      await put(old);
      await assert.rejects(page.evaluate(() => sdk.refreshToken()), /认证服务器返回错误 invalid_grant/);
      await put(mine);
      await assert.rejects(page.evaluate(() => sdk.refreshToken()), /认证服务器返回错误 invalid_grant/);
      assert.equal((await page.evaluate(() => sdk.getUserInfo())).statusCode, 401);
      await visit.close();
    });

    await t.test('logoutWithRedirect', async () => {
      const visit = await signedIn(app);
      const { page } = visit;
      const { accessToken } = visit.state;
      await Promise.all([page.waitForURL(`${bye}?**`), page.evaluate((redirectUri) => void sdk.logoutWithRedirect({ redirectUri, state: 'so long' }), bye)]);
      assert.equal(new URL(page.url()).searchParams.get('state'), 'so long');
      await open(app, { visit });
      assert.equal(await stored(visit), undefined);
      assert.equal(await silent(visit), null);
      const info = await page.evaluate((accessToken) => sdk.getUserInfo({ accessToken }), accessToken);
      assert.equal(info.statusCode, 401, JSON.stringify(info));
      // Without an address, and with the one of the options.
      for (const [options, heading] of [[{}, 'You are signed out'], [{ logoutRedirectUri: bye }, 'bye']]) {
        const other = await signedIn({ ...app, ...options });
        await Promise.all([arrives(other.page, heading), other.page.evaluate(() => void sdk.logoutWithRedirect())]);
        await open(app, { visit: other });
        assert.equal(await silent(other), null);
        await other.close();
      }
      await visit.close();
    });

    await t.test('logoutWithRedirect to an address that is not registered', async () => {
      const visit = await signedIn(app);
      const { page } = visit;
      await Promise.all([arrives(page, 'You are signed out'), page.evaluate(() => void sdk.logoutWithRedirect({ redirectUri: 'http://evil.guildhall.test/' }))]);
      assert.ok(page.url().startsWith(serverOrigin), page.url());
      await open(app, { visit });
      assert.equal(await silent(visit), null);
      await visit.close();
    });

    await t.test('loginByEmail', async () => {
      for (const [passwordEncryptType, sm] of [['none'], ['rsa'], ['sm2', true]]) {
        const visit = await open({ ...app, sm });
        const login = (secret) =>
          visit.page.evaluate((data) => sdk.loginByEmail(data), {
            passwordPayload: { email: 'ann@example.com', password: secret },
            options: { passwordEncryptType, scope: 'openid profile email offline_access' },
          });
        const state = await login(password);
        assert.equal(state.parsedIdToken.sub, ann, passwordEncryptType);
        assert.equal((await visit.page.evaluate(() => sdk.getUserInfo())).userId, ann);
        assert.equal((await visit.page.evaluate(() => sdk.refreshToken())).parsedIdToken.sub, ann);
        assert.equal(visit.to('/api/v3/signin')[0].body.includes(password), passwordEncryptType === 'none');
        await assert.rejects(login('not-the-password'), /login error/);
        const answer = await visit.answer('/api/v3/signin');
        assert.equal(answer.statusCode, 403);
        assert.equal(answer.apiCode, 2333);
        assert.equal(await stored(visit), undefined);
        await visit.close();
      }
    });

    await once('implicit, for an application that is allowed to', async () => {
      const legacy = await application({ oidcConfig: { response_types: ['code', 'id_token token'], grant_types: ['authorization_code', 'implicit'], legacy: true } });
      const visit = await signedIn({ ...legacy, useImplicitMode: true });
      assert.equal(visit.state.parsedIdToken.sub, ann);
      assert.equal(visit.state.parsedAccessToken.sub, ann);
      await open({ ...legacy, useImplicitMode: true }, { visit });
      assert.equal((await silent(visit)).parsedIdToken.sub, ann);
      assert.deepEqual(visit.to('/oidc/token'), []);
      // Any other is told that it is not.
      await open({ ...app, useImplicitMode: true }, { visit });
      visit.said.length = 0;
      assert.equal(await silent(visit), null);
      assert.match(visit.said.join(), /error=(unauthorized_client|unsupported_response_type)/);
      await visit.close();
    });

    await t.test('registration on the way', async () => {
      const visit = await open(app);
      const { page } = visit;
      await leave(visit);
      await page.getByRole('link', { name: 'Create an account' }).click();
      await arrives(page, 'Create your account');
      await fill(page, { 'E-mail': 'bea@example.com', 'Choose a password': password, 'Repeat the password': password });
      await press(page, 'Create account');
      assert.equal((await back(visit)).parsedIdToken.email, 'bea@example.com');
      await visit.close();
    });

    await t.test('a forgotten password on the way', async () => {
      const cay = await person('cay');
      const visit = await open(app);
      const { page } = visit;
      await leave(visit);
      await page.getByRole('link', { name: 'Forgot password?' }).click();
      await fill(page, { 'E-mail or phone': 'cay@example.com' });
      await press(page, 'Send code');
      await arrives(page, 'Enter the code');
      await page.getByLabel('Code', { exact: true }).fill(await codeFor(hall, 'cay@example.com'));
      await arrives(page, 'Choose a new password');
      await fill(page, { 'New password': `${password}-2`, 'Repeat the password': `${password}-2` });
      await press(page, 'Save the password');
      await page.getByText('Your password has been changed').waitFor();
      await enter(page, 'cay'); // the old one
      await page.getByText('The account or the password is wrong').waitFor();
      await enter(page, 'cay', `${password}-2`);
      assert.equal((await back(visit)).parsedIdToken.sub, cay);
      await visit.close();
    });

    await t.test('a second factor on the way', async () => {
      const dee = await person('dee');
      const strict = await application();
      await ok(pool.signed('POST', '/api/v3/update-application-mfa-settings', { appId: strict.appId, enabledFactors: ['OTP'], disabledFactors: [] }));
      // A session without the factor does not open the application.
      const visit = await signedIn(app, 'dee');
      const { page } = visit;
      await open(strict, { visit });
      assert.equal(await silent(visit), null);
      await leave(visit);
      await enter(page, 'dee');
      await arrives(page, 'Make your account safer');
      await page.getByRole('button', { name: /Authenticator app/ }).click();
      await page.getByText('Cannot scan?').click();
      const secret = (await page.locator('.secretly').innerText()).replace(/\s/g, '');
      await page.getByLabel('Code', { exact: true }).fill(totp(secret));
      await arrives(page, 'Keep your recovery code');
      await press(page, 'I have kept it');
      assert.equal((await back(visit)).parsedIdToken.sub, dee);
      await open(strict, { visit });
      assert.equal((await silent(visit)).parsedIdToken.sub, dee);
      await visit.close();
      const again = await open(strict);
      await leave(again);
      await enter(again.page, 'dee');
      await arrives(again.page, 'Confirm that it is you');
      await again.page.getByLabel('Code', { exact: true }).fill('000000');
      await again.page.getByText('The code is wrong').waitFor();
      await again.page.getByLabel('Code', { exact: true }).fill(totp(secret, 1));
      assert.equal((await back(again)).parsedIdToken.sub, dee);
      await again.close();
    });

    await t.test('consent on the way', async () => {
      const asking = await application({ loginConfig: { showAuthorizationPage: true } });
      const visit = await open(asking);
      const { page } = visit;
      await leave(visit);
      await enter(page, 'ann');
      await arrives(page, 'Allow access?');
      await press(page, 'Do not allow');
      await page.waitForURL((url) => url.href.startsWith(callback));
      assert.equal(await page.evaluate(() => sdk.isRedirectCallback()), true);
      await assert.rejects(page.evaluate(() => sdk.handleRedirectCallback()), /error=access_denied/);
      await open(asking, { visit });
      await Promise.all([page.waitForURL(`${serverOrigin}/consent?**`), page.evaluate(() => void sdk.loginWithRedirect())]);
      await press(page, 'Allow');
      assert.equal((await back(visit)).parsedIdToken.sub, ann);
      await open(asking, { visit });
      assert.equal((await silent(visit)).parsedIdToken.sub, ann); // asked once
      await visit.close();
    });

    await once('another language on the way', async () => {
      const visit = await open(app, { locale: 'zh-CN' });
      const { page } = visit;
      await leave(visit);
      await arrives(page, '登录');
      assert.equal(await page.locator('html').getAttribute('lang'), 'zh-CN');
      await fill(page, { '用户名、邮箱或手机号': 'ann' });
      await page.getByRole('link', { name: 'English' }).click();
      await arrives(page, 'Sign in');
      assert.equal(await page.locator('html').getAttribute('lang'), 'en');
      await enter(page, 'ann');
      assert.equal((await back(visit)).parsedIdToken.sub, ann);
      await open(app, { visit });
      await leave(visit, { forced: true });
      await arrives(page, 'Sign in'); // remembered
      await page.getByRole('link', { name: '简体中文' }).click();
      await arrives(page, '登录');
      await visit.close();
    });
  },
  { flags: ['--dev'], baseURL: serverOrigin, on: ['sqlite', 'postgres18'] },
);
