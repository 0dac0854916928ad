// Groups over authing-node-sdk: every operation of the domain.
import assert from 'node:assert/strict';
import { ok, refused, Recorder } from './lib/contract.mjs';
import { onEachEngine } from './lib/guildhall.mjs';
import { has, isID, unknownID } from './lib/v2.mjs';

const unknown = 'nonsense';
const codes = (list) => list.map(({ code }) => code);

onEachEngine('V3 groups', async (t, { pools: [pool] }) => {
  const recorder = new Recorder(pool.v3);
  const v3 = recorder.client;
  const users = ok(await v3.createUsersBatch({ list: ['ann', 'bob', 'eve'].map((username) => ({ username })) }));
  const [ann, bob, eve] = users.map(({ userId }) => userId);
  const developer = { code: 'developer', name: 'Developer', description: 'who develop' };

  await t.test('createGroup', async () => {
    const group = ok(await v3.createGroup({ ...developer, type: 'static' }));
    has(group, { ...developer, type: 'static', metadataSource: [], members: [] });
    isID(group.id);
    has(ok(await v3.createGroup({ code: 'bare', name: 'Bare' })), { code: 'bare', name: 'Bare', description: '', type: 'static' });
  });

  await t.test('createGroup refuses', async (t) => {
    for (const [name, parameters, statusCode, message] of [
      ['a taken code', developer, 409, '分组标识符已存在'],
      ['a long code', { ...developer, code: 'c'.repeat(100) }, 400, '参数 code 格式错误'],
      ['an empty code', { ...developer, code: '' }, 400, '参数 code 格式错误'],
      ['no code', { name: 'N' }, 400, '参数 code 格式错误'],
      ['no name', { code: 'n' }, 400, '参数 name 格式错误'],
      ['a NUL', { code: 'n', name: 'a\u0000b' }, 400, '参数 name 格式错误'],
      ['an endless description', { code: 'n', name: 'N', description: 'd'.repeat(100_000) }, 400, '参数 description 格式错误'],
      ['a wrong type', { code: 'n', name: ['N'] }, 400, '参数 name 格式错误'],
    ]) {
      await t.test(name, async () => refused(await v3.createGroup(parameters), statusCode, message));
    }
    for (const [name, body] of [
      ['a key twice', '{"code":"a","code":"b","name":"N"}'],
      ['other case', '{"Code":"a","Name":"N"}'],
      ['invalid UTF-8', Buffer.from('{"code":"a","name":"\xff"}', 'latin1')],
    ]) {
      await t.test(name, async () => refused(await pool.bearer('POST', '/api/v3/create-group', body), 400));
    }
    assert.equal(ok(await v3.listGroups({})).totalCount, 2);
  });

  await t.test('getGroup', async () => {
    has(ok(await v3.getGroup({ code: 'developer' })), developer);
    refused(await v3.getGroup({ code: unknown }), 404, '分组不存在');
    refused(await v3.getGroup({ code: '' }), 400, '参数 code 格式错误');
    refused(await v3.getGroup({ code: 'Developer' }), 404, '分组不存在');
  });

  await t.test('createGroupsBatch', async () => {
    const list = ['one', 'two'].map((code) => ({ code, name: code.toUpperCase(), description: `group ${code}`, type: 'static' }));
    const made = ok(await v3.createGroupsBatch({ list }));
    made.forEach((group, i) => has(group, list[i]));
    refused(await v3.createGroupsBatch({ list }), 409, '分组标识符已存在');
    refused(await v3.createGroupsBatch({ list: [{ code: 'three', name: 'N' }, list[0]] }), 409, '分组标识符已存在');
    refused(
      await v3.createGroupsBatch({
        list: [
          { code: 'four', name: 'N' },
          { code: 'four', name: 'N' },
        ],
      }),
      409,
      '分组标识符已存在',
    );
    refused(await v3.createGroupsBatch({ list: [{ code: 'c'.repeat(100), name: 'N' }] }), 400);
    refused(await v3.createGroupsBatch({ list: [] }), 400, '参数 list 格式错误');
    refused(await v3.createGroupsBatch({ list: Array.from({ length: 51 }, (_, i) => ({ code: `many${i}`, name: 'N' })) }), 400, /list/);
    assert.equal(ok(await v3.listGroups({})).totalCount, 4, 'all or none');
  });

  await t.test('createOrUpdateGroup', async () => {
    const first = ok(await v3.createOrUpdateGroup({ code: 'either', name: 'First', description: 'd', type: 'static' }));
    has(first, { created: true });
    has(first.data, { code: 'either', name: 'First', description: 'd' });
    const second = ok(await v3.createOrUpdateGroup({ code: 'either', name: 'Second', description: 'e', type: 'static' }));
    has(second, { created: false });
    has(second.data, { id: first.data.id, name: 'Second', description: 'e' });
    refused(await v3.createOrUpdateGroup({ code: '', name: 'N' }), 400, '参数 code 格式错误');
  });

  await t.test('updateGroup', async () => {
    has(ok(await v3.updateGroup({ code: 'one', name: 'Uno', description: 'uno' })), { code: 'one', name: 'Uno', description: 'uno' });
    has(ok(await v3.updateGroup({ code: 'one', newCode: 'uno' })), { code: 'uno', name: 'Uno', description: 'uno' });
    refused(await v3.getGroup({ code: 'one' }), 404, '分组不存在');
    has(ok(await v3.getGroup({ code: 'uno' })), { name: 'Uno' });
    refused(await v3.updateGroup({ code: unknown, name: 'N' }), 404, '分组不存在');
    refused(await v3.updateGroup({ code: 'uno', newCode: 'developer' }), 409, '分组标识符已存在');
    refused(await v3.updateGroup({ code: 'uno', newCode: 'c'.repeat(100) }), 400, '参数 newCode 格式错误');
  });

  await t.test('listGroups and getAllGroups, newest first', async () => {
    const newestFirst = ['either', 'two', 'uno', 'bare', 'developer'];
    const { totalCount, list } = ok(await v3.listGroups({}));
    assert.deepEqual([totalCount, codes(list)], [5, newestFirst]);
    has(list.at(-1), developer);
    assert.deepEqual(codes(ok(await v3.listGroups({ page: 2, limit: 2 })).list), ['uno', 'bare']);
    assert.deepEqual(ok(await v3.listGroups({ page: 9, limit: 2 })).list, []);
    for (const [keywords, expected] of [
      ['devel', ['developer']],
      ['UNO', ['uno']],
      ['%', []],
      ['_', []],
    ]) {
      const page = ok(await v3.listGroups({ keywords }));
      assert.deepEqual([page.totalCount, codes(page.list)], [expected.length, expected], keywords);
    }
    assert.deepEqual(codes(ok(await v3.getAllGroups({}))).toSorted(), newestFirst.toSorted());
    for (const [parameters, message] of [
      [{ page: 0 }, '参数 page 格式错误'],
      [{ page: -1, limit: 1 }, '参数 page 格式错误'],
      [{ limit: 0 }, '参数 limit 格式错误'],
      [{ limit: 51 }, /limit/],
    ]) {
      refused(await v3.listGroups(parameters), 400, message);
    }
  });

  await t.test('members', async () => {
    assert.deepEqual(ok(await v3.addGroupMembers({ code: 'developer', userIds: [ann, bob] })), { success: true });
    assert.deepEqual(ok(await v3.addGroupMembers({ code: 'developer', userIds: [bob, eve, eve] })), { success: true });
    const { totalCount, list } = ok(await v3.listGroupMembers({ code: 'developer' }));
    assert.deepEqual([totalCount, list.map(({ username }) => username).toSorted()], [3, ['ann', 'bob', 'eve']]);
    const second = ok(
      await v3.listGroupMembers({
        code: 'developer',
        page: 2,
        limit: 2,
        withCustomData: true,
        withIdentities: true,
        withDepartmentIds: true,
      }),
    );
    assert.deepEqual([second.totalCount, second.list.length], [3, 1]);
    has(second.list[0], { customData: {}, identities: [], departmentIds: [] });
    const withMembers = ok(await v3.getAllGroups({ fetchMembers: true })).find(({ code }) => code === 'developer');
    assert.deepEqual(withMembers.members.map(({ username }) => username).toSorted(), ['ann', 'bob', 'eve']);
    assert.deepEqual(ok(await v3.removeGroupMembers({ code: 'developer', userIds: [ann, eve] })), { success: true });
    assert.deepEqual(ok(await v3.removeGroupMembers({ code: 'developer', userIds: [ann] })), { success: true });
    assert.deepEqual(
      ok(await v3.listGroupMembers({ code: 'developer' })).list.map(({ userId }) => userId),
      [bob],
    );
  });

  await t.test('members refuse', async (t) => {
    for (const operation of ['addGroupMembers', 'removeGroupMembers']) {
      for (const [name, parameters, statusCode, message] of [
        ['an empty code', { code: '', userIds: [ann] }, 400, '参数 code 格式错误'],
        ['an unknown code', { code: unknown, userIds: [ann] }, 404, '分组不存在'],
        ['nobody', { code: 'developer', userIds: [] }, 400, '参数 userIds 格式错误'],
        ['too many', { code: 'developer', userIds: Array(51).fill(ann) }, 400, /userIds/],
        ['one number', { code: 'developer', userIds: [7] }, 400, /userIds/],
      ]) {
        await t.test(`${operation} ${name}`, async () => refused(await v3[operation](parameters), statusCode, message));
      }
    }
    refused(await v3.addGroupMembers({ code: 'developer', userIds: [ann, unknownID] }), 404, '用户不存在');
    assert.equal(ok(await v3.listGroupMembers({ code: 'developer' })).totalCount, 1, 'all or none');
    for (const [parameters, statusCode, message] of [
      [{ code: unknown }, 404, '分组不存在'],
      [{ code: 'developer', page: -1 }, 400, '参数 page 格式错误'],
      [{ code: 'developer', limit: 51 }, 400, /limit/],
    ]) {
      refused(await v3.listGroupMembers(parameters), statusCode, message);
    }
  });

  await t.test('getGroupAuthorizedResources', async () => {
    assert.deepEqual(ok(await v3.getGroupAuthorizedResources({ code: 'developer' })), []);
    await pool.data(`mutation { authorizeResource(namespace: "default", resourceType: DATA, resource: "cars:1",
      opts: [{ targetType: GROUP, targetIdentifier: "developer", actions: ["cars:drive"] }]) { code } }`);
    const list = ok(await v3.getGroupAuthorizedResources({ code: 'developer', namespace: 'default', resourceType: 'DATA' }));
    assert.equal(list.length, 1);
    has(list[0], { resourceCode: 'cars:1', resourceType: 'DATA', actions: ['cars:drive'], effect: 'ALLOW' });
    assert.deepEqual(ok(await v3.getGroupAuthorizedResources({ code: 'developer', resourceType: 'API' })), []);
    refused(await v3.getGroupAuthorizedResources({ code: unknown }), 404);
    refused(await v3.getGroupAuthorizedResources({ code: 'developer', namespace: unknown }), 404, '权限组不存在');
    refused(await v3.getGroupAuthorizedResources({ code: 'developer', resourceType: 'NONSENSE' }), 400, '参数 resourceType 格式错误');
  });

  await t.test('deleteGroupsBatch', async () => {
    assert.deepEqual(ok(await v3.deleteGroupsBatch({ codeList: ['developer', unknown] })), { success: true });
    refused(await v3.getGroup({ code: 'developer' }), 404, '分组不存在');
    assert.deepEqual(ok(await v3.getUserGroups({ userId: bob })), { totalCount: 0, list: [] });
    assert.deepEqual(ok(await v3.deleteGroupsBatch({ codeList: [unknown] })), { success: true });
    refused(await v3.deleteGroupsBatch({ codeList: [] }), 400, '参数 codeList 格式错误');
    refused(await v3.deleteGroupsBatch({ codeList: Array(51).fill('uno') }), 400, /codeList/);
    assert.equal(ok(await v3.listGroups({})).totalCount, 4);
  });

  await t.test('no operation was left out', () => recorder.assertComplete('groups', { neverRefuses: ['getAllGroups'] }));
});
