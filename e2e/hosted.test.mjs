// The hosted pages in Chromium: what people do there, what they see, and whether they can read it.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { openBrowser, pageHost, pageOrigin, servePages, serverHost, serverOrigin } from './lib/browser.mjs';
import { codeFor, onEachEngine } from './lib/guildhall.mjs';

const password = 'Correct-Horse-7-Battery';
const callback = `${pageOrigin}/cb`;

/** A hall in the developer's mode under a name that browsers take, a page that sign-ins come back to, and Chromium. */
function inBrowser(name, suite) {
  onEachEngine(
    `hosted pages: ${name}`,
    async (t, hall) => {
      const pages = await servePages({ '/cb': '<!doctype html><title>back</title><h1>back at the application</h1>' });
      const browser = await openBrowser({ [serverHost]: new URL(hall.url).port, [pageHost]: pages.port });
      t.after(async () => {
        await browser.close();
        await pages.close();
      });
      const pool = hall.pools[0];
      await ok(pool.signed('POST', '/api/v3/update-application', { appId: pool.appId, redirectUris: [callback] }));
      await suite({ t, hall, pool, browser });
    },
    { flags: ['--dev'], baseURL: serverOrigin },
  );
}

async function ok(answer) {
  const { statusCode, message, data } = await answer;
  assert.equal(statusCode, 200, message);
  return data;
}

const newUser = (pool, fields) => ok(pool.signed('POST', '/api/v3/create-user', { password, ...fields }));

/** What the page would not let happen: violations of its policy are written to the console. */
function watch(visit) {
  const lines = [];
  visit.page.on('console', (message) => message.type() === 'error' && lines.push(message.text()));
  return lines;
}

function authorize(pool, more = {}) {
  const query = new URLSearchParams({
    client_id: pool.appId,
    redirect_uri: callback,
    response_type: 'code',
    scope: 'openid profile email',
    state: 'state-1',
    nonce: 'nonce-1',
    ...more,
  });
  return `${serverOrigin}/oidc/auth?${query}`;
}

/** Types into the form, by the labels that people read. */
async function type(page, fields) {
  for (const [label, text] of Object.entries(fields)) await page.getByLabel(label, { exact: true }).fill(text);
}

const press = (page, name) => page.getByRole('button', { name, exact: true }).click();
const heading = (page) => page.getByRole('heading', { level: 1 }).innerText();

async function arrives(page, text) {
  await page.getByRole('heading', { level: 1, name: text }).waitFor({ timeout: 10_000 });
}

async function signIn(page, account = 'ada', secret = password) {
  await type(page, { 'Username, e-mail or phone': account, Password: secret });
  await press(page, 'Sign in');
}

/** RFC 6238. */
function totp(secret, at = Date.now()) {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bits = [...secret.replace(/\s|=/g, '')].map((c) => alphabet.indexOf(c).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(at / 30_000)));
  const mac = crypto.createHmac('sha1', key).update(counter).digest();
  const offset = mac[19] & 15;
  return String((mac.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

/**
 * Fails unless the page can be used by everybody: each control has a name, there is one first heading, an order without leaps, a language, no
 * text that stands out too little from its ground (WCAG 2, 1.4.3), in either scheme.
 */
async function accessible(page, what) {
  const tree = await (await page.context().newCDPSession(page)).send('Accessibility.getFullAXTree');
  const nodes = tree.nodes.filter((n) => !n.ignored);
  for (const n of nodes) {
    if (['textbox', 'checkbox', 'button', 'link', 'combobox', 'image', 'searchbox'].includes(n.role?.value)) {
      assert.ok(n.name?.value?.trim(), `${what}: a ${n.role.value} has no name`);
    }
  }
  const levels = nodes.filter((n) => n.role?.value === 'heading').map((n) => n.properties.find((p) => p.name === 'level').value.value);
  assert.equal(levels.filter((l) => l === 1).length, 1, `${what}: headings ${levels}`);
  levels.reduce((before, level) => (assert.ok(level <= before + 1, `${what}: headings ${levels}`), level), 0);
  assert.ok(nodes.some((n) => n.role?.value === 'main'), `${what}: no main part`);
  for (const scheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme: scheme });
    const pale = await page.evaluate(() => {
      const parse = (c) => {
        const [r, g, b, a = 1] = c.match(/[\d.]+/g).map(Number);
        return { rgb: [r, g, b], a };
      };
      const over = (top, below) => ({ rgb: top.rgb.map((v, i) => v * top.a + below.rgb[i] * (1 - top.a)), a: 1 });
      const luminance = ({ rgb }) => {
        const [r, g, b] = rgb.map((v) => ((v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      const ground = (e) => {
        const layers = [];
        for (let at = e; at; at = at.parentElement) layers.push(parse(getComputedStyle(at).backgroundColor));
        return layers.reverse().reduce((below, top) => (top.a ? over(top, below) : below), { rgb: [255, 255, 255], a: 1 });
      };
      const found = [];
      for (const e of document.querySelectorAll('body *')) {
        const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
        if (!own && !e.matches('input')) continue;
        if (!e.checkVisibility() || e.closest('[disabled], template, .unseen')) continue;
        const style = getComputedStyle(e);
        const behind = ground(e);
        const [x, y] = [luminance(over(parse(style.color), behind)), luminance(behind)].sort((a, b) => b - a);
        const ratio = (x + 0.05) / (y + 0.05);
        if (ratio < 4.5) found.push(`${e.tagName} "${e.textContent.trim().slice(0, 30)}" ${ratio.toFixed(2)}`);
      }
      return found;
    });
    assert.deepEqual(pale, [], `${what}, ${scheme}`);
  }
  await page.emulateMedia({ colorScheme: 'light' });
  const lost = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(lost <= 0, `${what}: ${lost} pixels stand over at the side`);
}

inBrowser('sign-in, wrong password, and back to the application', async ({ pool, browser }) => {
  await newUser(pool, { username: 'ada', email: 'ada@example.com' });
  const visit = await browser.visit(authorize(pool));
  const { page } = visit;
  const errors = watch(visit);
  await arrives(page, 'Sign in');
  await accessible(page, 'sign-in');
  await visit.shot('hosted-sign-in');
  await signIn(page, 'ada', 'wrong');
  await page.getByText('The account or the password is wrong').waitFor();
  assert.match(await page.title(), /^Error: /);
  assert.equal(await page.getByLabel('Username, e-mail or phone').inputValue(), 'ada');
  await accessible(page, 'wrong password');
  await type(page, { Password: password });
  await press(page, 'Sign in');
  await page.waitForURL(`${callback}?**`);
  const answer = new URL(page.url()).searchParams;
  assert.equal(answer.get('state'), 'state-1');
  assert.ok(answer.get('code'));
  // Signed in: the next request goes through without a page.
  await page.goto(authorize(pool, { state: 'state-2' }));
  assert.match(page.url(), /state=state-2/);
  // Going back shows a page that says what to do, and no error of the server.
  await page.goBack();
  await page.goBack();
  assert.match(await heading(page), /Please begin again|Sign in|back at/);
  assert.deepEqual(errors.filter((line) => /Content Security Policy/i.test(line)), []);
  assert.deepEqual(visit.faults, []);
});

inBrowser('sign-in without scripts', async ({ pool, browser }) => {
  await newUser(pool, { username: 'ada', email: 'ada@example.com' });
  const visit = await browser.visit(authorize(pool), { javaScriptEnabled: false });
  await signIn(visit.page);
  await visit.page.waitForURL(`${callback}?**`);
});

inBrowser('in Chinese and on a phone', async ({ pool, browser }) => {
  await newUser(pool, { username: 'ada', email: 'ada@example.com' });
  const visit = await browser.visit(authorize(pool), { locale: 'zh-CN', viewport: { width: 360, height: 740 } });
  const { page } = visit;
  await arrives(page, '登录');
  await accessible(page, '登录');
  await visit.shot('hosted-sign-in-zh-phone');
  await page.getByRole('link', { name: 'English' }).click();
  await arrives(page, 'Sign in');
  await signIn(page);
  await page.waitForURL(`${callback}?**`);
});

inBrowser('registration and sign-out', async ({ pool, browser }) => {
  const visit = await browser.visit(`${serverOrigin}/login?app_id=${pool.appId}`);
  const { page } = visit;
  await page.getByRole('link', { name: 'Create an account' }).click();
  await arrives(page, 'Create your account');
  await accessible(page, 'registration');
  await visit.shot('hosted-register');
  await type(page, { 'E-mail': 'bea@example.com', 'Choose a password': password, 'Repeat the password': password });
  await press(page, 'Create account');
  await arrives(page, 'You are signed in');
  await accessible(page, 'signed in');
  await page.getByRole('link', { name: 'Sign out' }).click();
  await press(page, 'Sign out');
  await arrives(page, 'You are signed out');
  await accessible(page, 'signed out');
  await page.goto(`${serverOrigin}/login?app_id=${pool.appId}`);
  await signIn(page, 'bea@example.com');
  await arrives(page, 'You are signed in');
});

inBrowser('a forgotten password', async ({ hall, pool, browser }) => {
  await newUser(pool, { username: 'ada', email: 'ada@example.com' });
  const visit = await browser.visit(authorize(pool));
  const { page } = visit;
  await page.getByRole('link', { name: 'Forgot password?' }).click();
  await arrives(page, 'Reset your password');
  await accessible(page, 'forgotten password');
  await type(page, { 'E-mail or phone': 'ada@example.com' });
  await press(page, 'Send code');
  await arrives(page, 'Enter the code');
  await accessible(page, 'code');
  const code = await codeFor(hall, 'ada@example.com');
  await page.getByLabel('Code', { exact: true }).fill(code); // sent by itself when it is whole
  await arrives(page, 'Choose a new password');
  await accessible(page, 'new password');
  await type(page, { 'New password': 'Another-Horse-8-Staple', 'Repeat the password': 'Another-Horse-8-Staple' });
  await press(page, 'Save the password');
  await page.getByText('Your password has been changed').waitFor();
  await signIn(page, 'ada', 'Another-Horse-8-Staple');
  await page.waitForURL(`${callback}?**`);
});

inBrowser('a code by mail', async ({ hall, pool, browser }) => {
  await newUser(pool, { username: 'ada', email: 'ada@example.com' });
  const { page } = await browser.visit(authorize(pool));
  await page.getByRole('link', { name: 'E-mail code' }).click();
  await type(page, { 'E-mail': 'ada@example.com' });
  await press(page, 'Send code');
  await page.getByLabel('Code', { exact: true }).fill(await codeFor(hall, 'ada@example.com'));
  await page.waitForURL(`${callback}?**`);
});

inBrowser('a one-time password is set up, and then asked for', async ({ pool, browser }) => {
  await newUser(pool, { username: 'ada', email: 'ada@example.com' });
  await ok(pool.signed('POST', '/api/v3/update-application-mfa-settings', { appId: pool.appId, enabledFactors: ['OTP'], disabledFactors: [] }));
  const visit = await browser.visit(authorize(pool));
  const { page } = visit;
  await signIn(page);
  await arrives(page, 'Make your account safer');
  await accessible(page, 'choice of a factor');
  await page.getByRole('button', { name: /Authenticator app/ }).click();
  await arrives(page, 'Set up your authenticator app');
  await accessible(page, 'one-time password');
  await visit.shot('hosted-totp');
  await page.getByText('Cannot scan?').click();
  const secret = await page.locator('.secretly').innerText();
  await page.getByLabel('Code', { exact: true }).fill(totp(secret));
  await arrives(page, 'Keep your recovery code');
  await accessible(page, 'recovery code');
  await press(page, 'I have kept it');
  await page.waitForURL(`${callback}?**`);

  const again = await browser.visit(authorize(pool));
  await signIn(again.page);
  await arrives(again.page, 'Confirm that it is you');
  await accessible(again.page, 'second factor');
  await again.page.getByLabel('Code', { exact: true }).fill('000000');
  await again.page.getByText('The code is wrong').waitFor();
  await again.page.getByLabel('Code', { exact: true }).fill(totp(secret, Date.now() + 30_000));
  await again.page.waitForURL(`${callback}?**`);
});

inBrowser('consent', async ({ pool, browser }) => {
  await newUser(pool, { username: 'ada', email: 'ada@example.com' });
  await ok(pool.signed('POST', '/api/v3/update-application', { appId: pool.appId, loginConfig: { showAuthorizationPage: true } }));
  const visit = await browser.visit(authorize(pool));
  const { page } = visit;
  await signIn(page);
  await arrives(page, 'Allow access?');
  await page.getByText('See your e-mail address').waitFor();
  await accessible(page, 'consent');
  await visit.shot('hosted-consent');
  await press(page, 'Do not allow');
  await page.waitForURL(`${callback}?**`);
  assert.equal(new URL(page.url()).searchParams.get('error'), 'access_denied');
  await page.goto(authorize(pool));
  await press(page, 'Allow');
  await page.waitForURL(`${callback}?**`);
  assert.ok(new URL(page.url()).searchParams.get('code'));
});

inBrowser('a device', async ({ hall, pool, browser }) => {
  await newUser(pool, { username: 'ada', email: 'ada@example.com' });
  await ok(
    pool.signed('POST', '/api/v3/update-application', {
      appId: pool.appId,
      oidcConfig: { grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'] },
    }),
  );
  const form = (fields) => ({ method: 'POST', body: new URLSearchParams({ client_id: pool.appId, client_secret: pool.appSecret, ...fields }) });
  const device = await (await fetch(`${hall.url}/oidc/device_authorization`, form({ scope: 'openid profile' }))).json();
  assert.equal(device.verification_uri, `${serverOrigin}/device`);
  const visit = await browser.visit(device.verification_uri);
  const { page } = visit;
  await arrives(page, 'Connect a device');
  await type(page, { 'Code on the device': device.user_code.toLowerCase().replace('-', '') });
  await press(page, 'Continue');
  await arrives(page, 'Sign in');
  await signIn(page);
  await arrives(page, 'Connect this device?');
  await page.getByText(device.user_code).waitFor();
  await accessible(page, 'device');
  await visit.shot('hosted-device');
  await press(page, 'Connect');
  await arrives(page, 'The device is connected');
  await accessible(page, 'connected');
  const grant = { grant_type: 'urn:ietf:params:oauth:grant-type:device_code', device_code: device.device_code };
  const tokens = await (await fetch(`${hall.url}/oidc/token`, form(grant))).json();
  assert.ok(tokens.access_token, JSON.stringify(tokens));
});

inBrowser('a passkey as second factor and as the only one', async ({ pool, browser }) => {
  await newUser(pool, { username: 'ada', email: 'ada@example.com' });
  await ok(pool.signed('POST', '/api/v3/x/update-sign-in-policy', { appId: pool.appId, mfaFactors: ['PASSKEY'] }));
  const visit = await browser.visit(authorize(pool));
  const { page } = visit;
  const devtools = await visit.context.newCDPSession(page);
  await devtools.send('WebAuthn.enable');
  await devtools.send('WebAuthn.addVirtualAuthenticator', {
    options: { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
  });
  await signIn(page);
  await arrives(page, 'Make your account safer');
  await page.getByRole('button', { name: /Passkey/ }).click();
  await arrives(page, 'Set up a passkey');
  await accessible(page, 'passkey');
  await press(page, 'Set up a passkey');
  await page.waitForURL(`${callback}?**`);

  await visit.context.clearCookies();
  await page.goto(authorize(pool));
  await signIn(page);
  await arrives(page, 'Confirm that it is you');
  await press(page, 'Use my passkey');
  await page.waitForURL(`${callback}?**`);

  // The device has verified its holder: a password is not needed then.
  await ok(pool.signed('POST', '/api/v3/x/update-application-settings', { appId: pool.appId, loginMethods: ['USERNAME_PASSWORD', 'PASSKEY'] }));
  await visit.context.clearCookies();
  await page.goto(authorize(pool));
  await accessible(page, 'sign-in with a passkey');
  await visit.shot('hosted-sign-in-passkey');
  await press(page, 'Sign in with a passkey');
  await page.waitForURL(`${callback}?**`);
});

inBrowser('a captcha', async ({ pool, browser }) => {
  await newUser(pool, { username: 'ada', email: 'ada@example.com' });
  await ok(pool.signed('POST', '/api/v3/x/update-sign-in-policy', { robotVerify: 'always_enable' }));
  const visit = await browser.visit(authorize(pool));
  await arrives(visit.page, 'Sign in');
  await accessible(visit.page, 'captcha');
  await visit.shot('hosted-captcha');
  const picture = visit.page.locator('.captcha img');
  assert.ok(await picture.evaluate((e) => e.complete && e.naturalWidth > 0), 'the picture is not shown');
  await type(visit.page, { 'Characters in the picture': 'x' });
  await signIn(visit.page);
  await visit.page.getByText('These are not the characters in the picture').waitFor();
});

inBrowser("in an application's own colours", async ({ pool, browser }) => {
  await newUser(pool, { username: 'ada', email: 'ada@example.com' });
  await ok(
    pool.signed('POST', '/api/v3/x/update-application-settings', {
      appId: pool.appId,
      primaryColor: '#ffcc00',
      texts: { title: 'Welcome to the ledger', subtitle: 'Sign in with your work account', footer: 'Ledger Ltd' },
    }),
  );
  const visit = await browser.visit(authorize(pool));
  const errors = watch(visit);
  await visit.page.reload();
  await arrives(visit.page, 'Welcome to the ledger');
  await accessible(visit.page, 'own colours');
  await visit.shot('hosted-branding');
  const button = visit.page.getByRole('button', { name: 'Sign in', exact: true });
  assert.equal(await button.evaluate((e) => getComputedStyle(e).backgroundColor), 'rgb(255, 204, 0)');
  assert.deepEqual(errors, []);
});

inBrowser('errors have a page', async ({ pool, browser }) => {
  const visit = await browser.visit(authorize(pool, { redirect_uri: 'https://evil.example.com/' }));
  assert.ok(visit.page.url().startsWith(serverOrigin), visit.page.url());
  await arrives(visit.page, 'Something went wrong');
  await accessible(visit.page, 'error');
  await visit.page.goto(`${serverOrigin}/login?interaction=nothing`);
  await arrives(visit.page, 'Please begin again');
  await accessible(visit.page, 'over');
  await visit.page.goto(`${serverOrigin}/device`);
  await arrives(visit.page, 'Connect a device');
  await accessible(visit.page, 'device');
  await type(visit.page, { 'Code on the device': 'ZZZZ-ZZZZ' });
  await press(visit.page, 'Continue');
  await visit.page.getByText('This code is wrong').waitFor();
});
