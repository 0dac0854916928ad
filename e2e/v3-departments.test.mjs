// Departments over authing-node-sdk: every operation that is served, and what users have of them.
import assert from 'node:assert/strict';
import { ok, refused, Recorder } from './lib/contract.mjs';
import { onEachEngine } from './lib/guildhall.mjs';
import { has, isID, unknownID } from './lib/v2.mjs';

const long = 'c'.repeat(65);
const notFound = (code) => `organization not found for code: ${code}`;

onEachEngine('V3 departments', async (t, { pools: [pool] }) => {
  const recorder = new Recorder(pool.v3);
  const v3 = recorder.client;
  const [ann, bob] = ok(await v3.createUsersBatch({ list: [{ username: 'ann' }, { username: 'bob' }] })).map(({ userId }) => userId);
  const organizationCode = 'acme';
  const root = ok(await v3.createOrganization({ organizationCode, organizationName: 'Acme' })).departmentId;
  ok(await v3.createOrganization({ organizationCode: 'other', organizationName: 'Other' }));
  ok(await v3.setCustomFields({ list: [{ targetType: 'DEPARTMENT', key: 'size', dataType: 'NUMBER', label: 'Size' }] }));
  const id = {};

  await t.test('createDepartment', async (t) => {
    const dev = ok(
      await v3.createDepartment({
        organizationCode,
        name: 'Dev',
        parentDepartmentId: 'root',
        code: 'dev',
        openDepartmentId: 'open-dev',
        description: 'd',
        customData: { size: 3 },
      }),
    );
    isID((id.dev = dev.departmentId));
    has(dev, { organizationCode, name: 'Dev', code: 'dev', parentDepartmentId: root, parentDepartmentCode: 'acme', hasChildren: false, membersCount: 0 });
    const api = { organizationCode, name: 'API', code: 'api', parentDepartmentId: 'dev', departmentIdType: 'code' };
    id.api = ok(await v3.createDepartment(api)).departmentId;
    id.guests = ok(await v3.createDepartment({ organizationCode, name: 'Guests', parentDepartmentId: root, isVirtualNode: true })).departmentId;
    const one = { organizationCode, name: 'N', parentDepartmentId: 'root' };
    for (const [name, parameters, statusCode, message] of [
      ['an unknown organisation', { ...one, organizationCode: 'nonsense' }, 404, notFound('nonsense')],
      ['an empty organisation', { ...one, organizationCode: '' }, 404, notFound('')],
      ['a blank organisation', { ...one, organizationCode: ' ' }, 400, 'invalid organization code  '],
      ['a long organisation', { ...one, organizationCode: long }, 400, '参数 organizationCode 格式错误'],
      ['an unknown parent', { ...one, parentDepartmentId: unknownID }, 404, '部门不存在'],
      ["another organisation's parent", { ...one, organizationCode: 'other', parentDepartmentId: id.dev }, 404, '部门不存在'],
      ['a taken code', { ...one, code: 'dev' }, 409, '部门标识符已存在'],
      ['no name', { organizationCode, parentDepartmentId: 'root' }, 400, '参数 name 格式错误'],
      ['a NUL', { ...one, name: 'a\u0000b' }, 400, '参数 name 格式错误'],
      ['a wrong value', { ...one, customData: { size: 'x' } }, 400, '字段 size 的值与其类型不符'],
    ]) {
      await t.test(name, async () => refused(await v3.createDepartment(parameters), statusCode, message));
    }
  });

  await t.test('getDepartment', async () => {
    const get = (parameters) => v3.getDepartment({ organizationCode, ...parameters });
    has(ok(await get({ departmentId: id.dev, withCustomData: true })), { name: 'Dev', customData: { size: 3 }, hasChildren: true });
    has(ok(await get({ departmentId: 'root' })), { departmentId: root });
    has(ok(await get({ departmentId: 'open-dev', departmentIdType: 'open_department_id' })), { departmentId: id.dev });
    has(ok(await get({ departmentId: 'api', departmentIdType: 'code' })), { departmentId: id.api });
    for (const code of ['nonsense', '', ' ']) refused(await get({ organizationCode: code, departmentId: id.dev }), 404, notFound(code));
    refused(await get({ organizationCode: long, departmentId: id.dev }), 400, '参数 organizationCode 格式错误');
    refused(await get({ departmentId: unknownID }), 404, '部门不存在');
    refused(await get({ departmentId: id.dev, departmentIdType: 'nonsense' }), 400);
    has(ok(await v3.getDepartmentById({ departmentId: id.api })), { name: 'API', organizationCode });
    refused(await v3.getDepartmentById({ departmentId: unknownID }), 404, '部门不存在');
    has(ok(await v3.getParentDepartment({ organizationCode, departmentId: id.api })), { departmentId: id.dev });
    refused(await v3.getParentDepartment({ organizationCode, departmentId: 'root' }), 404, '部门不存在');
  });

  await t.test('lists', async () => {
    const ids = ({ list }) => list.map((d) => d.departmentId);
    assert.deepEqual(ids(ok(await v3.listChildrenDepartments({ organizationCode, departmentId: 'root' }))), [id.dev, id.guests]);
    assert.deepEqual(ids(ok(await v3.listChildrenDepartments({ organizationCode, departmentId: 'root', excludeVirtualNode: true }))), [id.dev]);
    refused(await v3.listChildrenDepartments({ organizationCode: 'nonsense', departmentId: 'root' }), 404, notFound('nonsense'));
    has(ok(await v3.getAllDepartments({ organizationCode })), { totalCount: 3 });
    refused(await v3.getAllDepartments({ organizationCode: ' ' }), 404, notFound(' '));
    assert.deepEqual(ok(await v3.searchDepartments({ organizationCode, keywords: 'DE' })).map((d) => d.name), ['Dev']);
    refused(await v3.searchDepartments({ organizationCode: 'nonsense', keywords: 'a' }), 404, notFound('nonsense'));
    const list = (parameters) => v3.searchDepartmentsList({ organizationCode, ...parameters });
    assert.deepEqual(ok(await list({ sort: [{ field: 'name', order: 'asc' }] })).map((d) => d.name), ['API', 'Dev', 'Guests']);
    assert.deepEqual(ok(await list({ advancedFilter: [{ field: 'name', operator: 'IN', value: ['API', 'X'] }] })).map((d) => d.name), ['API']);
    refused(await list({ advancedFilter: [{ field: 'pool_id', operator: 'EQUAL', value: 'x' }] }), 400, '参数 advancedFilter 格式错误');
    refused(await list({ sort: [{ field: 'nonsense', order: 'asc' }] }), 400);
  });

  await t.test('updateDepartment', async () => {
    const update = (departmentId, parameters) => v3.updateDepartment({ organizationCode, departmentId, ...parameters });
    has(ok(await update(id.guests, { name: 'Visitors', code: 'anyway', leaderUserIds: [bob] })), { name: 'Visitors', code: 'anyway', leaderUserIds: [bob] });
    has(ok(await update(id.guests, { parentDepartmentId: id.dev })), { parentDepartmentId: id.dev });
    refused(await update(id.dev, { parentDepartmentId: id.guests }), 400, '不能将部门移动到自身或其子部门下');
    for (const code of ['额！ ', ' ']) refused(await update(id.guests, { code }), 400, `invalid organization code: ${code}`);
    refused(await update(id.guests, { code: long }), 400, '参数 code 格式错误');
    refused(await update(id.guests, { leaderUserIds: [unknownID] }), 404, '用户不存在');
    has(ok(await v3.updateNodeStatus({ departmentId: id.guests, status: false })), { status: false });
    refused(await v3.updateNodeStatus({ departmentId: unknownID, status: false }), 404, '部门不存在');
  });

  await t.test('members', async () => {
    const at = (departmentId, parameters) => ({ organizationCode, departmentId, ...parameters });
    has(ok(await v3.addDepartmentMembers(at(id.api, { userIds: [ann] }))), { success: true });
    refused(await v3.addDepartmentMembers(at(id.api, { userIds: [bob, unknownID] })), 404, '用户不存在');
    refused(await v3.addDepartmentMembers(at(id.api, { userIds: [] })), 400, '参数 userIds 格式错误');
    const members = ok(await v3.listDepartmentMembers(at(id.api, { withDepartmentIds: true })));
    has(members, { totalCount: 1 });
    has(members.list[0], { userId: ann, departmentIds: [id.api] });
    has(ok(await v3.listDepartmentMembers(at('root'))), { totalCount: 0 });
    const all = ok(await v3.listDepartmentMembers(at('root', { includeChildrenDepartments: true, sortBy: 'userId', orderBy: 'Asc' })));
    assert.deepEqual(all.list.map((u) => u.userId), [ann, bob]);
    refused(await v3.listDepartmentMembers(at(id.api, { limit: 51 })), 400, '参数 limit 格式错误');
    assert.deepEqual(ok(await v3.listDepartmentMemberIds(at(id.api))), [ann]);
    refused(await v3.listDepartmentMemberIds(at(unknownID)), 404, '部门不存在');
    has(ok(await v3.searchDepartmentMembers(at('root', { keywords: 'AN', includeChildrenDepartments: true }))), { totalCount: 1 });
    refused(await v3.searchDepartmentMembers(at('root', { keywords: '' })), 400, '参数 keywords 格式错误');
    has(ok(await v3.isUserInDepartment(at(id.dev, { userId: ann }))), { inDepartment: false });
    has(ok(await v3.isUserInDepartment(at(id.dev, { userId: ann, includeChildrenDepartments: true }))), { inDepartment: true });
    refused(await v3.isUserInDepartment(at(id.dev, { userId: unknownID })), 404, '用户不存在');
    has(ok(await v3.removeDepartmentMembers(at(id.guests, { userIds: [bob, unknownID] }))), { success: true });
    refused(await v3.removeDepartmentMembers({ organizationCode: '', departmentId: id.guests, userIds: [bob] }), 404, notFound(''));
  });

  await t.test('departments of users', async () => {
    const departments = [{ departmentId: id.api, isLeader: true, isMainDepartment: true }, { departmentId: id.guests }];
    has(ok(await v3.setUserDepartments({ userId: bob, departments })), { success: true });
    for (const departmentId of ['nonsense', '', ' ', long])
      refused(await v3.setUserDepartments({ userId: bob, departments: [{ departmentId }] }), 404, `存在不合法的 departmentId: ${departmentId}`);
    refused(await v3.setUserDepartments({ userId: bob, departments: [] }), 400);
    const { list, totalCount } = ok(await v3.getUserDepartments({ userId: bob, sortBy: 'DepartmentName', orderBy: 'Asc', withDepartmentPaths: true }));
    assert.equal(totalCount, 2);
    has(list[0], {
      departmentId: id.api,
      isLeader: true,
      isMainDepartment: true,
      isRoot: false,
      departmentIdPath: [root, id.dev, id.api],
      departmentCodePath: ['acme', 'dev', 'api'],
      departmentNamePath: ['Acme', 'Dev', 'API'],
    });
    has(ok(await v3.getUser({ userId: bob, withDepartmentIds: true })), { mainDepartmentId: id.api });
    const value = [{ organizationCode, departmentId: 'dev', departmentIdType: 'code', includeChildrenDepartments: true }];
    const filter = (parameters) => v3.listUsers({ advancedFilter: [{ field: 'department', operator: 'IN', value, ...parameters }] });
    has(ok(await filter()), { totalCount: 2 });
    has(ok(await filter({ value: [{ ...value[0], includeChildrenDepartments: false }] })), { totalCount: 0 });
    refused(await filter({ value: [{ departmentId: 7 }] }), 400, '参数 advancedFilter 格式错误');
    const cat = ok(await v3.createUser({ username: 'cat', departmentIds: [id.dev] })).userId;
    assert.deepEqual(ok(await v3.getUser({ userId: cat, withDepartmentIds: true })).departmentIds, [id.dev]);
    refused(await v3.createUser({ username: 'dog', departmentIds: [unknownID] }), 404, `存在不合法的 departmentId: ${unknownID}`);
    ok(await v3.resignUser({ userId: cat }));
    has(ok(await v3.getUserDepartments({ userId: cat })), { totalCount: 0 });
  });

  await t.test('relations to other directories', async () => {
    assert.deepEqual(ok(await v3.getDepartmentSyncRelations({ organizationCode, departmentId: id.dev })), []);
    refused(await v3.getDepartmentSyncRelations({ organizationCode, departmentId: unknownID }), 404, '部门不存在');
    ok(await v3.deleteDepartmentSyncRelations({ organizationCode, departmentId: id.dev, provider: 'lark' }));
    refused(await v3.deleteDepartmentSyncRelations({ organizationCode, departmentId: unknownID, provider: 'lark' }), 404, '部门不存在');
  });

  await t.test('createDepartmentTree', async () => {
    const tree = {
      name: 'Branch',
      members: { username: 'dan', email: 'Dan@example.com' },
      children: ['East', { name: 'West', members: [{ email: 'dan@example.com', city: 'Rome' }], children: [{ name: 'Shop' }] }],
    };
    assert.deepEqual(ok(await v3.createDepartmentTree(tree)), { addUser: 1, updateUser: 0, addDepartment: 4, updateDepartment: 0 });
    assert.deepEqual(ok(await v3.createDepartmentTree(tree)), { addUser: 0, updateUser: 1, addDepartment: 0, updateDepartment: 4 });
    const { list } = ok(await v3.listUsers({ keywords: 'dan@example' }));
    has(list[0], { username: 'dan', city: 'Rome' });
    assert.equal(ok(await v3.getUserDepartments({ userId: list[0].userId })).totalCount, 2);
    refused(await v3.createDepartmentTree({ name: 'New', children: [{ name: 'Half' }, {}] }), 400, '参数 name 格式错误');
    refused(await v3.createDepartmentTree({ name: 'New', children: [[]] }), 400, '参数 children 格式错误');
    refused(await v3.createDepartmentTree({ name: 'New', members: [{ city: 'Rome' }] }), 400);
    assert.equal(ok(await v3.listOrganizations({})).totalCount, 3, 'nothing was half done');
  });

  await t.test('getDepartmentAllApp', async () => {
    // Past the recorder: the contract describes the department and forgets the applications.
    has(ok(await pool.v3.getDepartmentAllApp({ departmentId: id.dev })), { departmentId: id.dev, appList: [] });
    ok(await v3.authorizeApplicationAccess({
      appId: pool.appId, list: [{ targetType: 'ORG', targetIdentifier: [id.dev], effect: 'ALLOW', inheritByChildren: false }],
    }));
    has(ok(await pool.v3.getDepartmentAllApp({ departmentId: id.dev })).appList[0], { appId: pool.appId });
    refused(await pool.v3.getDepartmentAllApp({ departmentId: unknownID }), 404, '部门不存在');
  });

  await t.test('deleteDepartment', async () => {
    for (const code of ['额！ ', '', ' ']) refused(await v3.deleteDepartment({ organizationCode: code, departmentId: id.dev }), 404, notFound(code));
    refused(await v3.deleteDepartment({ organizationCode, departmentId: 'root' }), 422);
    has(ok(await v3.deleteDepartment({ organizationCode, departmentId: id.dev })), { success: true });
    refused(await v3.getDepartment({ organizationCode, departmentId: id.api }), 404, '部门不存在');
    has(ok(await v3.getUserDepartments({ userId: bob })), { totalCount: 0 });
  });

  await t.test('every operation', () => 
    recorder.assertComplete('departments', { elsewhere: ['getDepartmentAllApp'] }));
});
