// Applications and their agreements over authing-js-sdk: every method of its ApplicationsManagementClient and AgreementManagementClient.
import assert from 'node:assert/strict';
import { ApplicationType } from 'authing-js-sdk/build/main/lib/management/types.js';
import { ResourceType } from 'authing-js-sdk';
import { onEachEngine } from './lib/guildhall.mjs';
import { Tracker, done, has, isID, isTime, refuses, unknownID } from './lib/v2.mjs';

const notFound = 2011;

onEachEngine(
  'V2 applications',
  async (t, { pools: [pool, other] }) => {
    const tracker = new Tracker(pool.v2.applications);
    const apps = tracker.client;
    const theirs = other.v2.applications;
    const agreementTracker = new Tracker(pool.v2.applications.agreements);
    pool.v2.applications.agreements = agreementTracker.client; // what the client calls itself counts too
    let shop;

    await t.test('make', async () => {
      shop = await apps.create({
        name: 'Shop',
        identifier: 'shop',
        redirectUris: ['https://shop.example/callback'],
        logo: 'https://shop.example/logo.png',
      });
      has(shop, {
        name: 'Shop',
        identifier: 'shop',
        userPoolId: pool.userPoolId,
        redirectUris: ['https://shop.example/callback'],
        logo: 'https://shop.example/logo.png',
        isDefault: false,
        isDeleted: false,
      });
      isID(shop.id);
      isTime(shop.createdAt);
      assert.match(shop.secret, /^[0-9a-f]{32}$/);
      has(shop.oidcConfig, { client_id: shop.id, client_secret: shop.secret, redirect_uris: ['https://shop.example/callback'] });
      await refuses(apps.create({ name: 'Shop', identifier: 'shop', redirectUris: [] }), 2039);
      await refuses(apps.create({ identifier: 'nameless', redirectUris: [] }), 400);
      await refuses(apps.create({ name: 'x', identifier: 'x y', redirectUris: [] }), 400);
      await refuses(apps.create({ name: 'x', identifier: 'x', redirectUris: ['javascript:alert(1)'] }), 400);
      const twin = await theirs.create({ name: 'Shop', identifier: 'shop', redirectUris: [] });
      assert.notEqual(twin.id, shop.id);
    });

    await t.test('read', async () => {
      const page = await apps.list();
      assert.equal(page.totalCount, 2);
      assert.deepEqual(
        page.list.map(({ id }) => id),
        [shop.id, pool.appId],
      );
      assert.equal(page.list[1].isDefault, true);
      assert.deepEqual((await apps.list({ page: 2, limit: 1 })).list.map(({ id }) => id), [pool.appId]);
      const found = await apps.findById(shop.id);
      has(found, { id: shop.id, name: 'Shop', protocol: 'oidc', oidcProviderEnabled: true, casProviderEnabled: false, samlProviderEnabled: false });
      assert.ok(found.jwks.keys.every((key) => !('d' in key)), 'keys are public halves');
      for (const shown of [found, ...page.list]) {
        assert.equal(shown.secret, null);
        assert.ok(!JSON.stringify(shown).includes(shop.secret), 'the secret is shown once');
      }
      for (const id of [unknownID, 'xxx', other.appId]) await refuses(apps.findById(id), notFound);
      await refuses(theirs.findById(shop.id), notFound);
      assert.equal((await theirs.list()).totalCount, 2);
    });

    await t.test('change', async () => {
      for (const type of [ApplicationType.BOTH, ApplicationType.INDIVIDUAL, ApplicationType.TENANT]) {
        has(await apps.changeApplicationType(shop.id, type), { id: shop.id, appType: type.toUpperCase() });
      }
      await refuses(apps.changeApplicationType(shop.id, 'nonsense'), 400);
      await refuses(theirs.changeApplicationType(shop.id, ApplicationType.BOTH), notFound);
      has(await apps.updateDefaultAccessPolicy(shop.id, 'DENY_ALL').then((app) => app.permissionStrategy), { defaultStrategy: 'DENY_ALL' });
      has(await apps.updateDefaultAccessPolicy(shop.id, 'ALLOW_ALL').then((app) => app.permissionStrategy), { defaultStrategy: 'ALLOW_ALL' });
      has(await apps.applicationTenants(shop.id), { id: shop.id, name: 'Shop', tenants: [] });
      await refuses(theirs.applicationTenants(shop.id), notFound);
      const fresh = await apps.refreshApplicationSecret(shop.id);
      has(fresh, { id: shop.id });
      assert.match(fresh.secret, /^[0-9a-f]{32}$/);
      assert.notEqual(fresh.secret, shop.secret);
      shop.secret = fresh.secret;
      await refuses(theirs.refreshApplicationSecret(shop.id), notFound);
      await refuses(apps.refreshApplicationSecret(unknownID), notFound);
    });

    const actions = [{ name: 'book:read', description: 'read' }];
    await t.test('resources', async () => {
      const made = await apps.createResource(shop.id, { code: 'book', type: 'DATA', description: 'a book', actions });
      has(made, { code: 'book', namespace: shop.id, type: 'DATA' });
      assert.equal((await apps.listResources(shop.id)).totalCount, 1);
      has(await apps.updateResource(shop.id, { code: 'book', description: 'books', type: 'API', actions }), { description: 'books', type: 'API' });
      await refuses(theirs.createResource(shop.id, { code: 'book', type: 'DATA', actions }), 404);
      assert.equal(await apps.deleteResource(shop.id, 'book'), true);
      assert.equal((await apps.listResources(shop.id)).totalCount, 0);
    });

    await t.test('roles', async () => {
      const ann = await pool.v2.users.create({ username: 'ann' });
      has(await apps.createRole(shop.id, { code: 'clerk', description: 'sells' }), { code: 'clerk', namespace: shop.id });
      has(await apps.findRole(shop.id, 'clerk'), { description: 'sells' });
      assert.equal(await apps.findRole(pool.appId, 'clerk'), null);
      has(await apps.updateRole(shop.id, { code: 'clerk', newCode: 'seller', description: 'sells' }), { code: 'seller' });
      done(await apps.addUsersToRole(shop.id, 'seller', [ann.id]));
      assert.deepEqual((await apps.getUsersByRoleCode(shop.id, 'seller')).list.map(({ id }) => id), [ann.id]);
      done(await apps.removeUsersFromRole(shop.id, 'seller', [ann.id]));
      assert.equal((await apps.getUsersByRoleCode(shop.id, 'seller')).totalCount, 0);
      assert.equal((await apps.getRoles(shop.id)).totalCount, 1);
      assert.ok(await apps.listAuthorizedResourcesByRole(shop.id, 'seller', ResourceType.Data));
      await apps.createRole(shop.id, { code: 'guest' });
      done(await apps.deleteRole(shop.id, 'guest'));
      done(await apps.deleteRoles(shop.id, ['seller']));
      assert.equal((await apps.getRoles(shop.id)).totalCount, 0);
    });

    await t.test('who may enter', async () => {
      const bob = await pool.v2.users.create({ username: 'bob' });
      const target = { targetType: 'USER', targetIdentifiers: [bob.id] };
      const effects = async () => (await apps.getAccessPolicies(shop.id)).list.map(({ policy, enabled }) => [policy.statements[0].effect, enabled]);
      done(await apps.allowAccess(shop.id, target));
      assert.deepEqual(await effects(), [['ALLOW', true]]);
      done(await apps.disableAccessPolicy(shop.id, target));
      assert.deepEqual(await effects(), [['ALLOW', false]]);
      done(await apps.enableAccessPolicy(shop.id, target));
      done(await apps.denyAccess(shop.id, target));
      assert.deepEqual(await effects(), [['DENY', true]]);
      done(await apps.deleteAccessPolicy(shop.id, target));
      assert.deepEqual(await effects(), []);
      await refuses(theirs.getAccessPolicies(shop.id), notFound);
    });

    await t.test('agreements', async () => {
      const made = await apps.createAgreement(shop.id, {
        title: `I agree to the <a href="https://shop.example/terms" onclick="steal()">terms</a><script>steal()</script>`,
        required: true,
      });
      has(made, { appId: shop.id, userPoolId: pool.userPoolId, required: true, lang: 'zh-CN', order: 1, availableAt: 0 });
      assert.ok(Number.isSafeInteger(made.id));
      assert.equal(made.title, 'I agree to the <a href="https://shop.example/terms" target="_blank" rel="noopener noreferrer">terms</a>');
      has(await apps.modifyAgreement(shop.id, made.id, { title: 'new test' }), { id: made.id, title: 'new test', required: true });
      await Promise.all(['name1', 'name2', 'name3'].map((title) => apps.createAgreement(shop.id, { title, required: false, lang: 'en-US' })));
      const before = await apps.listAgreement(shop.id);
      assert.equal(before.totalCount, 4);
      const ids = before.list.map(({ id }) => id);
      assert.equal(new Set(ids).size, 4);
      const order = [...ids].reverse();
      assert.equal(await apps.sortAgreement(shop.id, order), true);
      assert.deepEqual((await apps.listAgreement(shop.id)).list.map(({ id }) => id), order);
      await refuses(apps.sortAgreement(shop.id, order.slice(1)), 400);
      await refuses(apps.createAgreement(shop.id, { title: '<script>x</script>' }), 400);
      await refuses(apps.createAgreement(shop.id, { title: 'x', lang: 'xx' }), 400);
      await refuses(apps.createAgreement(unknownID, { title: 'x' }), notFound);
      await refuses(theirs.listAgreement(shop.id), notFound);
      await refuses(theirs.modifyAgreement(shop.id, made.id, { title: 'x' }), notFound);
      await refuses(theirs.modifyAgreement(other.appId, made.id, { title: 'x' }), 404);
      await refuses(theirs.deleteAgreement(shop.id, made.id), notFound);
      await refuses(theirs.sortAgreement(shop.id, order), notFound);
      assert.equal(await apps.deleteAgreement(shop.id, made.id), true);
      await refuses(apps.deleteAgreement(shop.id, made.id), 404);
      assert.equal((await apps.listAgreement(shop.id)).totalCount, 3);
    });

    await t.test('users', async () => {
      assert.deepEqual(await apps.activeUsers(shop.id), { totalCount: 0, list: [] });
      const password = 'Passw0rd!';
      for (const username of ['carl', 'dora']) {
        const { id } = await pool.v2.users.create({ username, password });
        const answer = await pool.bearer(
          'POST',
          '/api/v3/signin',
          { connection: 'PASSWORD', passwordPayload: { username, password }, client_id: shop.id, client_secret: shop.secret },
          { token: null, headers: { 'x-authing-app-id': shop.id } },
        );
        assert.equal(answer.statusCode, 200, answer.message);
        const latest = (await apps.activeUsers(shop.id)).list[0];
        has(latest, { id, username, userPoolId: pool.userPoolId });
        assert.ok(!latest.password && !latest.token, 'nothing that is secret');
      }
      const page = await apps.activeUsers(shop.id, 2, 1);
      assert.deepEqual([page.totalCount, page.list.map(({ username }) => username)], [2, ['carl']]);
      assert.deepEqual(await apps.activeUsers(pool.appId), { totalCount: 0, list: [] });
      await refuses(theirs.activeUsers(shop.id), notFound);
    });

    await t.test('remove', async () => {
      await refuses(theirs.delete(shop.id), notFound);
      assert.equal(await apps.delete(shop.id), true);
      await refuses(apps.delete(shop.id), notFound);
      await refuses(apps.findById(shop.id), notFound);
      await refuses(apps.listAgreement(shop.id), notFound);
      assert.equal((await apps.list()).totalCount, 1);
      const { json } = await pool.bare('GET', `/api/v2/applications/${shop.id}/public-config`);
      assert.equal(json.code, notFound);
    });

    tracker.assertAllCalled();
    agreementTracker.assertAllCalled();
  },
  { pools: ['first', 'second'] },
);
