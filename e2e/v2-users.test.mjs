// Users over authing-js-sdk: every method of its UsersManagementClient.
import assert from 'node:assert/strict';
import { onEachEngine } from './lib/guildhall.mjs';
import { Tracker, done, has, isID, isTime, refuses, unknownID } from './lib/v2.mjs';

// Every field that createUser takes and hands back as given.
const plainFields = {
  username: 'zhangsan',
  emailVerified: true,
  phone: '13800000001',
  phoneVerified: true,
  phoneCountryCode: '+86',
  unionid: 'union-1',
  openid: 'open-1',
  nickname: '张三',
  photo: 'https://example.com/a.png',
  registerSource: ['basic:username'],
  browser: 'Firefox',
  oauth: '{"scope":"all"}',
  loginsCount: 2,
  company: 'Steel & Co',
  lastIP: '192.0.2.1',
  device: 'PC',
  name: 'Zhang San',
  givenName: 'San',
  familyName: 'Zhang',
  middleName: 'M',
  profile: 'https://example.com/zhang',
  preferredUsername: 'zs',
  website: 'https://example.com',
  gender: 'M',
  birthdate: '1990-01-02',
  zoneinfo: 'Asia/Shanghai',
  locale: 'zh-CN',
  address: 'No. 1',
  formatted: 'No. 1, Beijing',
  streetAddress: 'Street 1',
  locality: 'Haidian',
  region: 'Beijing',
  postalCode: '100000',
  country: 'CN',
  externalId: 'ext-1',
};

onEachEngine('V2 users', async (t, { pools: [pool] }) => {
  const tracker = new Tracker(pool.v2.users);
  const users = tracker.client;
  const other = await users.create({ username: 'lisi', email: 'LiSi@Example.com', nickname: 'needle' });
  let user;

  await t.test('create keeps every field', async () => {
    user = await users.create({
      ...plainFields,
      email: 'Zhang@Example.com',
      password: 'a-Secret-1',
      signedUp: '2020-10-15T17:55:37+08:00',
      lastLogin: '2017-06-07T14:34:08+04:00',
    });
    isID(user.id);
    has(user, {
      ...plainFields,
      email: 'zhang@example.com',
      arn: `arn:cn:authing:${pool.userPoolId}:user:${user.id}`,
      userPoolId: pool.userPoolId,
      status: 'Activated',
      blocked: false,
      isDeleted: false,
      token: null,
    });
    assert.equal(Date.parse(user.signedUp), Date.parse('2020-10-15T09:55:37Z'));
    assert.equal(Date.parse(user.lastLogin), Date.parse('2017-06-07T10:34:08Z'));
    isTime(user.createdAt);
    isTime(user.updatedAt);
    assert.notEqual(user.password, 'a-Secret-1');
  });

  await t.test('create refuses', async (t) => {
    for (const [name, input, code] of [
      ['no identifier', {}],
      ['a password alone', { password: '123456' }],
      ['a taken username', { username: 'zhangsan' }, 2026],
      ['a taken email in other case', { email: 'ZHANG@example.com' }, 2026],
      ['a taken phone', { phone: '13800000001' }, 2026],
      ['a taken externalId', { username: 'x1', externalId: 'ext-1' }, 2026],
      ['an unparsable time', { username: 'x2', lastLogin: '1602756997950' }],
      ['a field of the wrong type', { username: 'x3', loginsCount: 'many' }],
      ['an unknown field', { username: 'x4', nonsense: 1 }],
      ['a NUL', { username: 'x5\u0000' }],
      ['an endless name', { username: 'x6', name: 'n'.repeat(100_000) }],
    ]) {
      await t.test(name, () => refuses(users.create(input), code));
    }
    assert.equal((await users.list()).totalCount, 2, 'a refused create leaves nothing');
  });

  await t.test('create takes an identity, which find and detail see', async () => {
    const identity = { provider: 'wechat', userIdInIdp: 'wx-1', openid: 'wx-open', isSocial: true, connectionId: 'conn-1' };
    const made = await users.create({ username: 'wang' }, { identity });
    has(await users.find({ identity: { provider: 'wechat', userIdInIdp: 'wx-1' } }), { id: made.id });
    has((await users.detail(made.id)).identities[0], { provider: 'wechat', userIdInIdp: 'wx-1' });
    done(await users.delete(made.id));
  });

  await t.test('detail', async () => {
    has(await users.detail(user.id), { id: user.id, ...plainFields, email: 'zhang@example.com' });
    has(await users.detail(user.id, { withCustomData: true }), { id: user.id, customData: {} });
    assert.ok(!(await users.detail(unknownID)), 'an unknown id is nobody');
    assert.ok(!(await users.detail('xxx')), 'nor is what is no id');
  });

  await t.test('update', async (t) => {
    for (const [name, updates, expected] of [
      ['a text', { nickname: 'Nick' }, { nickname: 'Nick' }],
      ['an email, in lower case', { email: 'New@Example.COM' }, { email: 'new@example.com' }],
      ['a phone', { phone: '13900000009' }, { phone: '13900000009' }],
      [
        'fields that create lacks',
        { city: 'Beijing', province: 'BJ', directManagement: other.id },
        { city: 'Beijing', province: 'BJ', directManagement: other.id },
      ],
      ['a block', { blocked: true }, { blocked: true }],
      ['the end of a block', { blocked: false }, { blocked: false, status: 'Activated' }],
      ['an emptied text', { company: '' }, {}],
    ]) {
      await t.test(name, async () => {
        const updated = await users.update(user.id, updates);
        has(updated, { id: user.id, username: 'zhangsan', ...expected });
        has(await users.detail(user.id), expected);
      });
    }
    await t.test('emptied means unset', async () => assert.ok(!(await users.detail(user.id)).company));
    await t.test('a password', async () => {
      await users.update(user.id, { password: 'another-1' });
      assert.notEqual((await users.detail(user.id)).password, 'another-1');
    });
    for (const [name, id, updates, code] of [
      ['an unknown user', unknownID, { nickname: 'x' }, 2004],
      ['a taken username', user.id, { username: 'lisi' }, 2026],
      ['a taken email', user.id, { email: 'LISI@example.com' }, 2026],
      ['a wrong type', user.id, { loginsCount: 'x' }],
      ['an unparsable time', user.id, { tokenExpiredAt: 'soon' }],
    ]) {
      await t.test(`refuses ${name}`, () => refuses(users.update(id, updates), code));
    }
    has(await users.detail(user.id), { username: 'zhangsan', email: 'new@example.com' });
  });

  await t.test('exists and find', async (t) => {
    const table = [
      ['username', { username: 'lisi' }, true],
      ['username in other case', { username: 'LISI' }, false],
      ['email in other case', { email: 'LISI@example.com' }, true],
      ['phone', { phone: '13900000009' }, true],
      ['the old phone', { phone: '13800000001' }, false],
      ['externalId', { externalId: 'ext-1' }, true],
      ['an unknown one', { username: 'nobody' }, false],
    ];
    for (const [name, by, expected] of table) {
      await t.test(name, async () => {
        assert.equal(await users.exists(by), expected);
        assert.equal(Boolean(await users.find(by)), expected);
        if (expected) isID((await users.find({ ...by, withCustomData: true })).id);
      });
    }
    await t.test('refuse no key at all', async () => {
      await refuses(users.exists({}));
      await refuses(users.find({}));
    });
  });

  await t.test('batch keeps the order of what was asked', async (t) => {
    const both = (list) => list.map(({ id }) => id);
    for (const [queryField, ids] of [
      ['id', [user.id, other.id]],
      ['username', ['zhangsan', 'lisi']],
      ['email', ['new@example.com', 'lisi@example.com']],
    ]) {
      await t.test(queryField, async () => {
        assert.deepEqual(both(await users.batch(ids, { queryField })), [user.id, other.id]);
        assert.deepEqual(both(await users.batch(ids.toReversed(), { queryField })), [other.id, user.id]);
      });
    }
    assert.deepEqual(both(await users.batch([unknownID, other.id])), [other.id]);
    has((await users.batch([other.id], { withCustomData: true }))[0], { customData: {} });
    await refuses(users.batch([user.id], { queryField: 'nonsense' }));
    await refuses(users.batch(Array(81).fill(user.id)), 2030);
  });

  await t.test('list, newest first', async () => {
    const page = await users.list();
    assert.equal(page.totalCount, 2);
    assert.deepEqual(
      page.list.map(({ id }) => id),
      [user.id, other.id],
    );
    has(page.list[1], { username: 'lisi', email: 'lisi@example.com', nickname: 'needle' });
    const second = await users.list(2, 1);
    assert.deepEqual([second.totalCount, second.list.map(({ id }) => id)], [2, [other.id]]);
    assert.deepEqual((await users.list(3, 1)).list, []);
    has((await users.list(1, 10, { withCustomData: true })).list[0], { id: user.id, customData: {} });
    assert.equal((await users.list(1, 10, { excludeUsersInOrg: true })).totalCount, 2);
    await refuses(users.list(0, 10));
    await refuses(users.list(1, 0));
    await refuses(users.list(1, 10_000));
  });

  await t.test('filter', async () => {
    assert.deepEqual((await users.filter({ page: 1, limit: 10 })).totalCount, 2);
  });

  await t.test('search', async (t) => {
    for (const [query, options, expected] of [
      ['lisi', {}, [other.id]],
      ['LISI@EXAMPLE', {}, [other.id]],
      ['needle', { fields: ['nickname'] }, [other.id]],
      ['needle', { fields: ['username'] }, []],
      ['eedl', {}, [other.id]],
      ['example.com', {}, [user.id, other.id]],
      ['100%', {}, []],
      ['_', {}, []],
      ["'; drop table users; --", {}, []],
    ]) {
      await t.test(JSON.stringify([query, options]), async () => {
        for (const withCustomData of [false, true]) {
          const page = await users.search(query, { ...options, withCustomData });
          assert.deepEqual([page.totalCount, page.list.map(({ id }) => id).toSorted()], [expected.length, expected.toSorted()]);
        }
      });
    }
    await t.test('in a group and with a role', async () => {
      await pool.v2.groups.create('searched', 'Searched');
      await pool.data('mutation($c:String!){createRole(code:$c){code}}', { c: 'searched' });
      await users.addGroup(other.id, 'searched');
      await users.addRoles(other.id, ['searched']);
      assert.equal((await users.search('example.com', { groupOpts: [{ code: 'searched' }] })).totalCount, 1);
      assert.equal((await users.search('example.com', { roleOpts: [{ code: 'searched' }] })).totalCount, 1);
    });
    await refuses(users.search('x', { fields: ['password'] }));
  });

  await t.test('refreshToken', async () => {
    const before = Math.floor(Date.now() / 1000);
    const { token, iat, exp } = await users.refreshToken(user.id);
    assert.ok(iat >= before - 5 && iat <= before + 30, `iat is ${iat}`);
    assert.ok(exp > iat, `exp is ${exp}`);
    has(await pool.v2.checkLoginStatus(token), { id: user.id, userPoolId: pool.userPoolId });
    has(await pool.v2.checkLoginStatus(token, { fetchUserDetail: true }), { id: user.id });
    await refuses(users.refreshToken(unknownID), 2004);
  });

  await t.test('identities', async () => {
    const identity = { userId: other.id, userIdInIdp: 'in-1', isSocial: true, type: 'openid', identifier: 'conn-9', extIdpId: unknownID };
    has(await users.linkIdentity(identity), { code: 200 });
    has((await users.detail(other.id)).identities[0], { userIdInIdp: 'in-1', extIdpId: unknownID });
    assert.notEqual((await users.linkIdentity({ ...identity, userId: user.id })).code, 200, 'an identity has one owner');
    has(await users.unlinkIdentity(identity), { code: 200 });
    assert.deepEqual((await users.detail(other.id)).identities, []);
    assert.notEqual((await users.linkIdentity({ ...identity, userId: unknownID })).code, 200);
    assert.notEqual((await users.unlinkIdentity({ ...identity, userId: unknownID })).code, 200);
  });

  await t.test('what nobody has yet', async () => {
    assert.deepEqual(await users.listOrgs(user.id), []);
    assert.deepEqual(await users.listDepartment(user.id), { totalCount: 0, list: [] });
    has(await users.checkLoginStatus(user.id), { isLogin: false });
    has(await users.checkLoginStatus(user.id, pool.appId, 'device'), { isLogin: false });
    assert.deepEqual(await users.getUserTenants(user.id), []);
    assert.deepEqual(await users.kick([user.id, unknownID]), { code: 200, message: '强制下线成功' });
    has(await users.logout({ userId: user.id, appId: pool.appId }), { code: 200 });
    has(await users.logout({ userId: user.id }), { code: 200 });
    assert.equal(await users.getApplicationLoginUserNum({ appId: pool.appId }), 0);
    assert.equal(await users.getUdfFieldUserNum({ definedFieldKey: 'school', appId: pool.appId }), 0);
    const actions = await users.listUserActions();
    assert.deepEqual([actions.totalCount, actions.list], [0, []]);
    await refuses(users.sendFirstLoginVerifyEmail({ userId: user.id, appId: pool.appId }), 422); // there is no mail server
  });

  await t.test('resign and archive', async () => {
    const [one, two, three] = await Promise.all(['r1', 'r2', 'r3'].map((username) => users.create({ username })));
    await users.resignUser(one.id);
    await users.resignUserBatch([two.id, three.id]);
    for (const { id } of [one, two, three]) has(await users.detail(id), { status: 'Resigned' });
    assert.deepEqual(await users.listArchivedUsers(), { totalCount: 0, list: [] });
    await users.deleteMany([one.id, two.id, three.id]);
    // These two go to the V3 wire, of whose refusals this client keeps only the words.
    await assert.rejects(users.resignUser(unknownID), { message: '用户不存在' });
    await assert.rejects(users.resignUserBatch([unknownID]), { message: '用户不存在' });
  });

  await t.test('delete', async () => {
    done(await users.deleteMany([user.id]));
    assert.ok(!(await users.detail(user.id)));
    done(await users.delete(other.id));
    assert.equal((await users.list()).totalCount, 0);
    await refuses(users.delete(user.id), 2210);
    await refuses(users.deleteMany(Array(81).fill(unknownID)), 2030);
    assert.equal(await users.exists({ username: 'zhangsan' }), false, 'a deleted name is free');
    isID((await users.create({ username: 'zhangsan' })).id);
  });

  await t.test('no method was left out', () =>
    tracker.assertAllCalled({
      elsewhere: [
        'listGroups',
        'removeGroup',
        'listRoles',
        'removeRoles',
        'hasRole',
        'listAuthorizedResources', // v2-groups.test.mjs
        'getUdfValue',
        'getUdfValueBatch',
        'setUdfValue',
        'setUdfValueBatch',
        'removeUdfValue', // v2-udf.test.mjs
      ],
    }),
  );
});
