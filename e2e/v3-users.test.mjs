// Users over authing-node-sdk: making, finding, changing and deleting them. The domain's other operations are in
// v3-users-list.test.mjs and v3-user-relations.test.mjs.
import assert from 'node:assert/strict';
import { ok, operations, refused, Recorder } from './lib/contract.mjs';
import { onEachEngine } from './lib/guildhall.mjs';
import { has, isID, isTime, unknownID } from './lib/v2.mjs';

const plainFields = {
  username: 'zhangsan',
  phone: '13800000001',
  phoneCountryCode: '+86',
  externalId: 'ext-1',
  name: 'Zhang San',
  nickname: '张三',
  photo: 'https://example.com/a.png',
  gender: 'M',
  emailVerified: true,
  phoneVerified: true,
  birthdate: '1990-01-02',
  country: 'CN',
  province: 'BJ',
  city: 'Beijing',
  address: 'No. 1',
  streetAddress: 'Street 1',
  postalCode: '100000',
  company: 'Steel & Co',
  browser: 'Firefox',
  device: 'iOS',
  givenName: 'San',
  familyName: 'Zhang',
  middleName: 'M',
  profile: 'https://example.com/zhang',
  preferredUsername: 'zs',
  website: 'https://example.com',
  zoneinfo: 'Asia/Shanghai',
  locale: 'zh-CN',
  formatted: 'No. 1, Beijing',
  region: 'Haidian',
  identityNumber: '420421199001021234',
};

const here = ['createUser', 'createUsersBatch', 'getUser', 'getUserBatch', 'updateUser', 'updateUserBatch', 'deleteUsersBatch'];
const elsewhere = [...operations.keys()].filter((name) => !here.includes(name));

onEachEngine('V3 users', async (t, { pools: [pool] }) => {
  const recorder = new Recorder(pool.v3);
  const v3 = recorder.client;
  ok(
    await v3.setCustomFields({
      list: [
        { targetType: 'USER', key: 'school', dataType: 'STRING', label: 'School' },
        { targetType: 'USER', key: 'age', dataType: 'NUMBER', label: 'Age' },
      ],
    }),
  );
  const customData = { school: '北京 "大学"', age: 30 };
  const count = async () => ok(await pool.v3.listUsers({})).totalCount;
  let user;
  let other;

  await t.test('createUser keeps every field', async () => {
    user = ok(
      await v3.createUser({
        ...plainFields,
        email: 'Zhang@Example.com',
        password: 'a-Secret-1',
        customData,
        identities: [
          {
            extIdpId: unknownID,
            provider: 'wechat',
            type: 'openid',
            userIdInIdp: 'wx-1',
            userInfoInIdp: { name: 'z' },
            originConnIds: ['c1'],
          },
        ],
      }),
    );
    isID(user.userId);
    has(user, {
      ...plainFields,
      email: 'zhang@example.com',
      status: 'Activated',
      workStatus: 'Active',
      userSourceType: 'adminCreated',
      loginsCount: 0,
      customData,
    });
    isTime(user.createdAt);
    isTime(user.updatedAt);
    isTime(user.passwordLastSetAt);
    assert.ok(!user.lastLogin && !user.lastIp, 'nobody has signed in');
    assert.ok(!JSON.stringify(user).includes('a-Secret-1'));
    other = ok(await v3.createUser({ username: 'lisi', email: 'lisi@example.com' }));
    has(other, { username: 'lisi', gender: 'U', emailVerified: false, phoneVerified: false });
    assert.ok(other.photo, 'everybody has a picture');
  });

  const cannotBeEmpty = 'Must contain one of the following fields: username, phone, email';
  await t.test('createUser refuses', async (t) => {
    for (const [name, parameters, statusCode, message] of [
      ['nothing', {}, 400, cannotBeEmpty],
      ['a malformed email', { email: 'test1@qqq' }, 400, '参数 email 格式错误'],
      ['a malformed phone', { phone: '123#' }, 400, '参数 phone 格式错误'],
      ['a country code alone', { phoneCountryCode: '+86', email: 'a@example.com' }, 400, 'phone cannot be empty'],
      [
        'a long custom value',
        { email: 'a@example.com', customData: { school: 'x'.repeat(1025) } },
        400,
        'customData must be less than 1024 characters',
      ],
      ['a custom value of the wrong type', { email: 'a@example.com', customData: { age: 'old' } }, 400],
      ['a wrong gender', { username: 'a', gender: 'X' }, 400, /gender/],
      ['a wrong status', { username: 'a', status: 'Nonsense' }, 400, /status/],
      ['a wrong type', { username: 7 }, 400, /username/],
      ['a NUL', { username: 'a\u0000b' }, 400, /username/],
      ['an endless name', { username: 'a', name: 'n'.repeat(100_000) }, 400, /name/],
      [
        'an unknown way to encrypt',
        { username: 'a', password: 'x', options: { passwordEncryptType: 'rot13' } },
        400,
        /passwordEncryptType/,
      ],
      ['what is not encrypted', { username: 'a', password: 'plain', options: { passwordEncryptType: 'rsa' } }, 400],
      ['a taken username', { username: 'lisi' }, 409],
      ['a taken email in other case', { email: 'LISI@EXAMPLE.COM' }, 409],
      ['a taken phone', { phone: '13800000001' }, 409],
      ['a taken externalId', { username: 'a', externalId: 'ext-1' }, 409],
    ]) {
      await t.test(name, async () => refused(await v3.createUser(parameters), statusCode, message));
    }
    assert.equal(await count(), 2, 'a refused call leaves nothing');
  });

  await t.test('what no client sends is refused in the envelope', async (t) => {
    const bytes = (text) => Buffer.from(text, 'latin1');
    for (const [name, body, statusCode, message] of [
      ['a key twice', '{"username":"a","username":"b"}', 400],
      ['a key in other case is another key', '{"Username":"a","EMAIL":"a@example.com"}', 400, cannotBeEmpty],
      ['invalid UTF-8', bytes('{"username":"a\xff\xfe"}'), 400],
      ['half a surrogate pair', '{"username":"a\\ud800"}', 400],
      ['no JSON', '{"username":', 400],
      ['a list', '[]', 400],
      ['a text', '"x"', 400],
      ['two values', '{"username":"a"}{}', 400],
      ['depth', '['.repeat(100_000), 400],
      ['size', JSON.stringify({ username: 'a', name: 'n'.repeat(20 << 20) }), 413],
    ]) {
      await t.test(name, async () => refused(await pool.bearer('POST', '/api/v3/create-user', body), statusCode, message));
    }
    refused(await pool.bearer('GET', '/api/v3/get-user', { userId: user.userId, withCustomData: 'perhaps' }), 400, /withCustomData/);
    refused(await pool.bearer('GET', '/api/v3/list-users', { page: 'first' }), 400, /page/);
    has(ok(await pool.bearer('POST', '/api/v3/list-users', { withCustomData: true, nonsense: 1 })), { totalCount: 2 });
  });

  await t.test('getUser by each type of id', async (t) => {
    for (const [userIdType, userId, found] of [
      ['user_id', user.userId, true],
      ['user_id', unknownID, false],
      ['user_id', 'test', false],
      ['username', 'zhangsan', true],
      ['username', 'ZHANGSAN', false],
      ['email', 'zhang@example.com', true],
      ['email', 'ZHANG@example.com', true],
      ['email', 'nobody@example.com', false],
      ['phone', '13800000001', true],
      ['phone', '212-456-1111', false],
      ['external_id', 'ext-1', true],
      ['external_id', 'ext-2', false],
      ['identity', `${unknownID}:wx-1`, true],
      ['identity', `${unknownID}:wx-2`, false],
      ['sync_relation', 'lark:nobody', false],
      ['custom_field', `school:${customData.school}`, true],
      ['custom_field', 'school:nowhere', false],
    ]) {
      await t.test(`${userIdType} ${userId}`, async () => {
        const body = await v3.getUser({ userId, userIdType });
        if (found) has(ok(body), { userId: user.userId, username: 'zhangsan' });
        else refused(body, 404, '用户不存在');
      });
    }
    for (const [userIdType, userId] of [
      ['user_id', ''],
      ['email', 'test#x.com'],
      ['phone', '1234567890#'],
      ['identity', 'no-colon'],
    ]) {
      await t.test(`malformed ${userIdType}`, async () => refused(await v3.getUser({ userId, userIdType }), 400, '参数 userId 格式错误'));
    }
    refused(await v3.getUser({ userId: user.userId, userIdType: 'nonsense' }), 400, '参数 userIdType 格式错误');
  });

  await t.test('getUser with and without', async () => {
    const by = { userId: user.userId };
    const bare = ok(await v3.getUser(by));
    for (const key of ['customData', 'identities', 'departmentIds', 'postIdList']) assert.ok(!(key in bare), key);
    has(ok(await v3.getUser({ ...by, withCustomData: true })), { customData });
    has(ok(await v3.getUser({ ...by, withDepartmentIds: true })), { departmentIds: [] });
    has(ok(await v3.getUser({ ...by, withPost: true })), { postIdList: [] });
    const { identities } = ok(await v3.getUser({ ...by, withIdentities: true }));
    assert.equal(identities.length, 1);
    has(identities[0], {
      extIdpId: unknownID,
      provider: 'wechat',
      type: 'openid',
      userIdInIdp: 'wx-1',
      userInfoInIdp: { name: 'z' },
      originConnIds: ['c1'],
    });
    const flat = await pool.v3.getUser({ ...by, withCustomData: true, flatCustomData: true }); // its keys are not the contract's
    has(ok(flat), customData);
    const without = ok(await v3.getUser({ userId: other.userId, withCustomData: true, withIdentities: true }));
    has(without, { customData: {}, identities: [] });
  });

  await t.test('getUserBatch', async () => {
    const userIds = [other.userId, unknownID, user.userId];
    assert.deepEqual(
      ok(await v3.getUserBatch({ userIds })).map(({ userId }) => userId),
      [other.userId, user.userId],
    );
    const byName = ok(
      await v3.getUserBatch({
        userIds: ['zhangsan'],
        userIdType: 'username',
        withCustomData: true,
        withIdentities: true,
        withDepartmentIds: true,
      }),
    );
    has(byName[0], { userId: user.userId, customData, departmentIds: [] });
    refused(await v3.getUserBatch({ userIds: Array.from({ length: 51 }, (_, i) => `u${i}`) }), 400, /userIds/);
    refused(await v3.getUserBatch({ userIds: [user.userId], userIdType: 'nonsense' }), 400, '参数 userIdType 格式错误');
    refused(await pool.bearer('GET', '/api/v3/get-user-batch'), 400, '参数 userIds 格式错误');
  });

  await t.test('createUsersBatch', async () => {
    const list = Array.from({ length: 50 }, (_, i) => ({ username: `batch${i}`, email: `batch${i}@example.com`, gender: 'F' }));
    const made = ok(await v3.createUsersBatch({ list }));
    assert.deepEqual(
      made.map(({ username }) => username),
      list.map(({ username }) => username),
    );
    assert.equal(await count(), 52);
    refused(await v3.createUsersBatch({ list: [] }), 400, '参数 list 格式错误');
    refused(await v3.createUsersBatch({ list: [...list, { username: 'one-more' }] }), 400, /list/);
    refused(await v3.createUsersBatch({ list: [{ username: 'new-one' }, { username: 'lisi' }] }), 409);
    refused(await v3.createUsersBatch({ list: [{ username: 'new-two' }, { email: 'broken' }] }), 400, '参数 email 格式错误');
    assert.equal(await count(), 52, 'all or none');
  });

  await t.test('updateUser', async (t) => {
    const by = { userId: user.userId };
    for (const [name, changes, expected = changes] of [
      ['texts', { nickname: 'Nick', company: 'New', locale: 'en' }],
      ['an email, in lower case', { email: 'New@Example.COM' }, { email: 'new@example.com' }],
      ['a suspension', { status: 'Suspended' }],
      ['its end', { status: 'Activated' }],
      ['flags', { emailVerified: false, phoneVerified: false }],
      ['a reset to come', { options: { resetPasswordOnNextLogin: true } }, { resetPasswordOnNextLogin: true }],
    ]) {
      await t.test(name, async () => {
        has(ok(await v3.updateUser({ ...by, ...changes })), { userId: user.userId, username: 'zhangsan', ...expected });
        has(ok(await v3.getUser(by)), expected);
      });
    }
    await t.test('custom data, one key of it', async () => {
      ok(await v3.updateUser({ ...by, customData: { age: 31 } }));
      has(ok(await v3.getUser({ ...by, withCustomData: true })), { customData: { ...customData, age: 31 } });
    });
    await t.test('by another type of id', async () => {
      has(ok(await v3.updateUser({ userId: 'lisi', name: 'Li Si', options: { userIdType: 'username' } })), {
        userId: other.userId,
        name: 'Li Si',
      });
    });
    for (const [name, parameters, statusCode, message] of [
      ['an unknown user', { userId: unknownID, name: 'x' }, 404, '用户不存在'],
      ['an empty id', { userId: '', name: 'x' }, 400, '参数 userId 格式错误'],
      ['an empty gender', { ...by, gender: '' }, 400, /gender/],
      ['a taken username', { ...by, username: 'lisi' }, 409],
      ['a malformed email', { ...by, email: 'x' }, 400, '参数 email 格式错误'],
      ['the last identifier away', { userId: 'batch0', username: '', email: '', options: { userIdType: 'username' } }, 400, cannotBeEmpty],
    ]) {
      await t.test(`refuses ${name}`, async () => refused(await v3.updateUser(parameters), statusCode, message));
    }
  });

  await t.test('updateUserBatch', async () => {
    const both = [
      { userId: user.userId, name: 'One' },
      { userId: other.userId, name: 'Two' },
    ];
    assert.deepEqual(
      ok(await v3.updateUserBatch({ list: both })).map(({ name }) => name),
      ['One', 'Two'],
    );
    refused(
      await v3.updateUserBatch({
        list: [
          { userId: user.userId, name: 'Three' },
          { userId: unknownID, name: 'x' },
        ],
      }),
      404,
      '用户不存在',
    );
    has(ok(await v3.getUser({ userId: user.userId })), { name: 'One' });
    refused(await v3.updateUserBatch({ list: [] }), 400, '参数 list 格式错误');
    refused(await v3.updateUserBatch({ list: Array.from({ length: 51 }, () => both[0]) }), 400, /list/);
  });

  await t.test('deleteUsersBatch', async () => {
    assert.deepEqual(ok(await v3.deleteUsersBatch({ userIds: ['batch0', 'batch1'], options: { userIdType: 'username' } })), {
      success: true,
    });
    refused(await v3.getUser({ userId: 'batch0', userIdType: 'username' }), 404, '用户不存在');
    assert.equal(await count(), 50);
    ok(await v3.createUser({ username: 'batch0' }));
    refused(await v3.deleteUsersBatch({ userIds: [other.userId, unknownID] }), 404, '用户不存在');
    ok(await v3.getUser({ userId: other.userId }));
    refused(await v3.deleteUsersBatch({ userIds: [] }), 400, '参数 userIds 格式错误');
    refused(await v3.deleteUsersBatch({ userIds: Array(51).fill(other.userId) }), 400, /userIds/);
  });
  await t.test('no operation was left out', () => recorder.assertComplete('users', { elsewhere }));
});
