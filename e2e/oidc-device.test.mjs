// A device without a browser (RFC 8628): the certified openid-client on the device, and its person in Chromium.
import assert from 'node:assert/strict';
import * as client from 'openid-client';
import { openBrowser, serverHost, serverOrigin } from './lib/browser.mjs';
import { onEachEngine } from './lib/guildhall.mjs';

const password = 'Correct-Horse-7-Battery';
const grant = 'urn:ietf:params:oauth:grant-type:device_code';

onEachEngine(
  'a device',
  async (t, hall) => {
    const [pool] = hall.pools;
    const browser = await openBrowser({ [serverHost]: hall.port });
    t.after(() => browser.close());
    const ok = async (answer) => {
      const { statusCode, message, data } = await answer;
      assert.equal(statusCode, 200, message);
      return data;
    };
    const { userId } = await ok(pool.signed('POST', '/api/v3/create-user', { username: 'ann', email: 'ann@example.com', password }));
    const { appId } = await ok(
      pool.signed('POST', '/api/v3/create-application', {
        appName: 'Television',
        appType: 'native',
        redirectUris: ['https://app.example/cb'],
        oidcConfig: { grant_types: [grant, 'authorization_code', 'refresh_token'] },
      }),
    );
    /** The device: its network knows the server's name. */
    const config = await client.discovery(new URL(`${serverOrigin}/oidc`), appId, {}, client.None(), {
      execute: [client.allowInsecureRequests],
      [client.customFetch]: (url, options) => fetch(url.replace(serverOrigin, hall.url), options),
    });
    /** What the device shows, and a promise of what it gets, which it asks for all the time. */
    const begin = async () => {
      const shown = await client.initiateDeviceAuthorization(config, { scope: 'openid email offline_access' });
      const poll = client.pollDeviceAuthorizationGrant(config, shown);
      poll.catch(() => {});
      return { shown, poll };
    };
    const press = (page, name) => page.getByRole('button', { name, exact: true }).click();
    const arrives = (page, name) => page.getByRole('heading', { level: 1, name }).waitFor({ timeout: 15_000 });
    const enter = async (page) => {
      await arrives(page, 'Sign in');
      await page.getByLabel('Username, e-mail or phone', { exact: true }).fill('ann');
      await page.getByLabel('Password', { exact: true }).fill(password);
      await press(page, 'Sign in');
    };

    await t.test('its code is typed in', async () => {
      const { shown, poll } = await begin();
      assert.equal(shown.verification_uri, `${serverOrigin}/device`);
      assert.match(shown.user_code, /^[A-Z]{4}-[A-Z]{4}$/);
      const visit = await browser.visit(shown.verification_uri);
      const { page } = visit;
      await page.getByLabel('Code on the device', { exact: true }).fill(shown.user_code.toLowerCase());
      await press(page, 'Continue');
      await enter(page);
      await arrives(page, 'Connect this device?');
      await page.getByText(shown.user_code).waitFor();
      await page.getByText('Television').first().waitFor();
      await press(page, 'Connect');
      await arrives(page, 'The device is connected');
      const tokens = await poll;
      assert.equal(tokens.claims().sub, userId);
      assert.equal(tokens.claims().email, 'ann@example.com');
      assert.equal((await client.fetchUserInfo(config, tokens.access_token, userId)).email, 'ann@example.com');
      assert.equal((await client.refreshTokenGrant(config, tokens.refresh_token)).claims().sub, userId);
      // The code has had its day, on the device and on the page.
      await assert.rejects(client.pollDeviceAuthorizationGrant(config, shown), (e) => ['invalid_grant', 'expired_token'].includes(e.error));
      await page.goto(shown.verification_uri_complete);
      await page.getByText(/code is wrong|no longer valid|expired/i).first().waitFor();
      await visit.close();
    });

    await t.test('its address is opened, by somebody who is signed in', async () => {
      const visit = await browser.visit(`${serverOrigin}/login?app_id=${appId}`);
      const { page } = visit;
      await enter(page);
      await arrives(page, 'You are signed in');
      const { shown, poll } = await begin();
      await page.goto(shown.verification_uri_complete);
      await arrives(page, 'Connect this device?'); // asked all the same: an address can come from anybody
      await page.getByText(shown.user_code).waitFor();
      await press(page, 'Connect');
      await arrives(page, 'The device is connected');
      assert.equal((await poll).claims().sub, userId);
      await visit.close();
    });

    await t.test('it is refused', async () => {
      const { shown, poll } = await begin();
      const visit = await browser.visit(shown.verification_uri_complete);
      await enter(visit.page);
      await arrives(visit.page, 'Connect this device?');
      await press(visit.page, 'Refuse');
      await arrives(visit.page, 'The device was not connected');
      await assert.rejects(poll, (e) => e.error === 'access_denied');
      await visit.close();
    });
  },
  { baseURL: serverOrigin, on: ['sqlite', 'postgres18'] },
);
