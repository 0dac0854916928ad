// Lists of users over authing-node-sdk: pages, order, filters and search.
import assert from 'node:assert/strict';
import { ok, operations, refused, Recorder } from './lib/contract.mjs';
import { onEachEngine } from './lib/guildhall.mjs';
import { has } from './lib/v2.mjs';

const elsewhere = [...operations.keys()].filter((name) => !['listUsers', 'listUsersLegacy'].includes(name));

onEachEngine('V3 lists of users', async (t, { pools: [pool] }) => {
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
  const user = ok(
    await v3.createUser({
      username: 'zhangsan',
      email: 'zhang@example.com',
      phone: '13800000001',
      name: 'Zhang San',
      nickname: '张三',
      formatted: 'No. 1, Beijing',
      gender: 'M',
      customData,
      identities: [{ extIdpId: 'idp', provider: 'wechat', type: 'openid', userIdInIdp: 'wx-1' }],
    }),
  );
  ok(await v3.createUser({ username: 'lisi', email: 'lisi@example.com' }));
  const batch = Array.from({ length: 50 }, (_, i) => ({ username: `batch${i}`, email: `batch${i}@example.com`, gender: 'F' }));
  ok(await v3.createUsersBatch({ list: batch }));

  await t.test('listUsers pages and sorts', async () => {
    const names = async (parameters) => ok(await v3.listUsers(parameters)).list.map(({ username }) => username);
    assert.equal((await names({})).length, 10);
    const pages = [];
    for (let page = 1; page <= 6; page++)
      pages.push(...(await names({ options: { pagination: { page, limit: 10 }, sort: [{ field: 'username', order: 'asc' }] } })));
    assert.deepEqual(pages, pages.toSorted());
    assert.equal(new Set(pages).size, 52);
    assert.deepEqual(await names({ options: { pagination: { page: 2, limit: 50 }, sort: [{ field: 'username', order: 'asc' }] } }), [
      'lisi',
      'zhangsan',
    ]);
    assert.deepEqual(await names({ options: { pagination: { page: 9, limit: 50 } } }), []);
    const [full] = ok(
      await v3.listUsers({
        keywords: 'zhangsan',
        options: { withCustomData: true, withIdentities: true, withDepartmentIds: true, withPost: true },
      }),
    ).list;
    has(full, { userId: user.userId, customData, departmentIds: [], postIdList: [] });
    assert.equal(full.identities.length, 1);
  });

  await t.test('listUsers filters and searches', async (t) => {
    const filter = (field, operator, value) => ({ advancedFilter: [{ field, operator, value }] });
    const on = (keywords, ...fuzzySearchOn) => ({ keywords, options: { fuzzySearchOn } });
    for (const [parameters, count] of [
      [filter('username', 'EQUAL', 'lisi'), 1],
      [filter('username', 'NOT_EQUAL', 'lisi'), 51],
      [filter('username', 'IN', ['lisi', 'zhangsan']), 2],
      [filter('email', 'CONTAINS', 'batch'), 50],
      [filter('email', 'NOT_CONTAINS', 'batch'), 2],
      [filter('phone', 'IS_NULL'), 51],
      [filter('phone', 'NOT_NULL'), 1],
      [filter('loginsCount', 'GREATER', 0), 0],
      [filter('loginsCount', 'LESSER', 1), 52],
      [filter('signedUp', 'BETWEEN', [Date.now() - 3_600_000, Date.now() + 3_600_000]), 52],
      [filter('status', 'EQUAL', 'Activated'), 52],
      [filter('school', 'EQUAL', customData.school), 1],
      [filter('age', 'GREATER', 29), 1],
      [filter('age', 'BETWEEN', [31, 40]), 0],
      [filter('name', 'CONTAINS', '%'), 0],
      [filter('username', 'CONTAINS', '_'), 0],
      [filter('department', 'IN', [{ organizationCode: 'nowhere', departmentId: 'root' }]), 0],
      [
        {
          advancedFilter: [
            { field: 'gender', operator: 'EQUAL', value: 'F' },
            { field: 'username', operator: 'CONTAINS', value: '49' },
          ],
        },
        1,
      ],
      [{ keywords: 'ZHANG' }, 1],
      [{ keywords: '张三' }, 1],
      [{ keywords: "' or 1=1 --" }, 0],
      [on('beijing', 'formatted'), 1],
      [on('beijing', 'username'), 0],
    ]) {
      await t.test(JSON.stringify(parameters), async () => assert.equal(ok(await v3.listUsers(parameters)).totalCount, count));
    }
    for (const [parameters, message] of [
      [{ options: { pagination: { page: 0 } } }, '参数 page 格式错误'],
      [{ options: { pagination: { page: -1 } } }, '参数 page 格式错误'],
      [{ options: { pagination: { limit: 0 } } }, '参数 limit 格式错误'],
      [{ options: { pagination: { limit: 51 } } }, 'limit must less than 50'],
      [filter('status', 'EQUAL', 'invalid'), '参数 status 格式错误'],
      [filter('password', 'CONTAINS', 'a')],
      [filter('username', 'LIKE', 'a')],
      [filter('loginsCount', 'GREATER', 'many')],
      [{ options: { sort: [{ field: 'password', order: 'asc' }] } }],
      [{ options: { sort: [{ field: 'id', order: 'upwards' }] } }],
      [on('a', 'password')],
    ]) {
      await t.test(`refuses ${JSON.stringify(parameters)}`, async () => refused(await v3.listUsers(parameters), 400, message));
    }
  });

  await t.test('listUsersLegacy', async () => {
    has(ok(await v3.listUsersLegacy({ page: 6, limit: 10 })), { totalCount: 52 });
    has(ok(await v3.listUsersLegacy({ status: 'Suspended' })), { totalCount: 0, list: [] });
    const now = Math.floor(Date.now() / 1000);
    has(ok(await v3.listUsersLegacy({ updatedAtStart: now - 3600, updatedAtEnd: now + 3600 })), { totalCount: 52 });
    has(ok(await v3.listUsersLegacy({ updatedAtStart: now + 3600 })), { totalCount: 0 });
    refused(await v3.listUsersLegacy({ limit: 51 }), 400, 'limit must less than 50');
    refused(await v3.listUsersLegacy({ status: 'Nonsense' }), 400, '参数 status 格式错误');
  });

  await t.test('no operation was left out', () => recorder.assertComplete('users', { elsewhere }));
});
