// Memberships with a beginning and an end: set through our own endpoints, and seen through authing-node-sdk.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { conforms, ok, refused } from './lib/contract.mjs';
import { onEachEngine } from './lib/guildhall.mjs';
import { has } from './lib/v2.mjs';

const did = { success: true };

onEachEngine(
  'V3 periods',
  async (t, { pools: [pool, other] }) => {
    const v3 = pool.v3;
    const [ann, bob] = ok(await v3.createUsersBatch({ list: [{ username: 'ann' }, { username: 'bob' }] })).map(({ userId }) => userId);
    const organizationCode = 'acme';
    const root = ok(await v3.createOrganization({ organizationCode, organizationName: 'Acme' })).departmentId;
    const shop = ok(await v3.createDepartment({ organizationCode, name: 'Shop', parentDepartmentId: root, code: 'shop' })).departmentId;
    ok(await v3.createGroup({ code: 'night', name: 'Night' }));
    ok(await v3.addGroupMembers({ code: 'night', userIds: [bob] }));
    ok(await v3.addDepartmentMembers({ organizationCode, departmentId: shop, userIds: [bob] }));
    for (const [code, targetType, targetIdentifier] of [
      ['guard', 'GROUP', 'night'],
      ['seller', 'DEPARTMENT', shop],
    ]) {
      ok(await v3.createRole({ code, name: code }));
      ok(await v3.assignRole({ code, targets: [{ targetType, targetIdentifier }] }));
    }

    const post = (name, parameters) => pool.signed('POST', `/api/v3/x/${name}`, parameters);
    const periods = async (of, parameters) => ok(await pool.signed('GET', `/api/v3/x/list-${of}-periods`, parameters));
    const department = { organizationCode, departmentId: shop };
    const includes = (list, userId) => list.map((user) => user.userId).includes(userId);

    const group = {
      add: (period) => post('add-group-members', { code: 'night', userIds: [ann], ...period }),
      remove: () => v3.removeGroupMembers({ code: 'night', userIds: [ann] }),
      periods: () => periods('group', { code: 'night', limit: 50 }),
      readers: {
        getUserGroups: async () => ok(await v3.getUserGroups({ userId: ann })).list.length === 1,
        listGroupMembers: async () => {
          const { list, totalCount } = ok(await v3.listGroupMembers({ code: 'night' }));
          assert.equal(totalCount, list.length);
          return includes(list, ann);
        },
        getGroup: async () => includes(ok(await v3.getGroup({ code: 'night' })).members, ann),
        getAllGroups: async () => includes(ok(await v3.getAllGroups({ fetchMembers: true }))[0].members, ann),
        hasAnyRole: async () => ok(await v3.hasAnyRole({ userId: ann, roles: [{ code: 'guard' }] })).hasAnyRole,
      },
    };
    const shopping = {
      add: (period) => post('add-department-members', { ...department, departmentIdType: 'department_id', userIds: [ann], ...period }),
      remove: () => v3.removeDepartmentMembers({ ...department, userIds: [ann] }),
      periods: () => periods('department', { ...department, limit: 50 }),
      readers: {
        getUserDepartments: async () => ok(await v3.getUserDepartments({ userId: ann })).list.length === 1,
        listDepartmentMembers: async () => {
          const { list, totalCount } = ok(await v3.listDepartmentMembers(department));
          assert.equal(totalCount, list.length);
          return includes(list, ann);
        },
        'listDepartmentMembers of all above': async () => {
          const all = { organizationCode, departmentId: root, includeChildrenDepartments: true };
          return includes(ok(await v3.listDepartmentMembers(all)).list, ann);
        },
        listDepartmentMemberIds: async () => ok(await v3.listDepartmentMemberIds(department)).includes(ann),
        isUserInDepartment: async () => ok(await v3.isUserInDepartment({ ...department, userId: ann })).inDepartment,
        getDepartment: async () => ok(await v3.getDepartment(department)).membersCount === 2,
        getUser: async () => ok(await v3.getUser({ userId: ann, withDepartmentIds: true })).departmentIds.includes(shop),
        listUsers: async () => {
          const value = [{ ...department, departmentIdType: 'department_id', includeChildrenDepartments: false }];
          return includes(ok(await v3.listUsers({ advancedFilter: [{ field: 'department', operator: 'IN', value }] })).list, ann);
        },
        hasAnyRole: async () => ok(await v3.hasAnyRole({ userId: ann, roles: [{ code: 'seller' }] })).hasAnyRole,
      },
    };
    const both = { group, department: shopping };

    /** Checks that every reader of both says is. */
    const seen = async (is, when) => {
      for (const [of, { readers }] of Object.entries(both)) {
        for (const [name, reader] of Object.entries(readers)) assert.equal(await reader(), is, `${of}, ${name}, ${when}`);
      }
    };
    const until = async (time) => {
      while (Date.now() <= time) await sleep(time - Date.now() + 1);
    };

    await t.test('begin and end by the clock', async () => {
      const startTime = Date.now() + 1500;
      const endTime = startTime + 2000;
      for (const { add, periods } of Object.values(both)) {
        assert.deepEqual(ok(await add({ startTime, endTime })), did);
        const { list, totalCount } = await periods();
        assert.equal(totalCount, 2);
        has(
          list.find((row) => row.userId === ann),
          { userId: ann, startTime, endTime, state: 'pending' },
        );
        has(
          list.find((row) => row.userId === bob),
          { startTime: null, endTime: null, state: 'active' },
        );
      }
      await seen(false, 'before');
      await until(startTime);
      await seen(true, 'between');
      for (const { periods } of Object.values(both)) {
        has(
          (await periods()).list.find((row) => row.userId === ann),
          { startTime, endTime, state: 'active' },
        );
      }
      conforms('GroupPaginatedRespDto', await v3.getUserGroups({ userId: ann }));
      await until(endTime);
      await seen(false, 'after');
      for (const { periods } of Object.values(both)) assert.equal((await periods()).totalCount, 1);
    });

    await t.test('the last word counts', async () => {
      for (const { add } of Object.values(both)) ok(await add({ startTime: Date.now() + 3_600_000 }));
      await seen(false, 'later');
      for (const { add } of Object.values(both)) ok(await add({}));
      await seen(true, 'at once');
      const endTime = Date.now() + 1000;
      for (const { add } of Object.values(both)) ok(await add({ endTime }));
      await until(endTime);
      await seen(false, 'over');
      ok(await v3.addGroupMembers({ code: 'night', userIds: [ann] }));
      ok(await v3.addDepartmentMembers({ ...department, userIds: [ann] }));
      await seen(true, 'again');
      for (const { remove } of Object.values(both)) ok(await remove());
      await seen(false, 'removed');
    });

    await t.test('who is to come can be removed', async () => {
      const startTime = Date.now() + 1000;
      for (const { add, remove } of Object.values(both)) {
        ok(await add({ startTime }));
        ok(await remove());
      }
      await until(startTime);
      await seen(false, 'then');
    });

    await t.test('refusals', async () => {
      const past = Date.now() - 1000;
      for (const { add } of Object.values(both)) {
        refused(await add({ endTime: past }), 400, '参数 endTime 格式错误');
        refused(await add({ startTime: past + 9000, endTime: past + 8000 }), 400, '参数 endTime 格式错误');
        refused(await add({ startTime: -1 }), 400, '参数 startTime 格式错误');
        refused(await add({ startTime: 'soon' }), 400, '参数 startTime 格式错误');
        refused(await add({ userIds: ['nobody'] }), 404, '用户不存在');
      }
      refused(await post('add-group-members', { code: 'none', userIds: [ann] }), 404, '分组不存在');
      refused(await post('add-department-members', { ...department, departmentId: 'none', userIds: [ann] }), 404, '部门不存在');
    });

    await t.test('another pool sees and does nothing', async () => {
      for (const [method, name, parameters, message] of [
        ['POST', 'add-group-members', { code: 'night', userIds: [ann] }, '分组不存在'],
        ['GET', 'list-group-periods', { code: 'night' }, '分组不存在'],
        ['POST', 'add-department-members', { ...department, userIds: [ann] }, 'organization not found for code: acme'],
        ['GET', 'list-department-periods', department, 'organization not found for code: acme'],
      ]) {
        refused(await other.signed(method, `/api/v3/x/${name}`, parameters), 404, message);
      }
      await seen(false, 'untouched');
    });
  },
  { pools: ['first', 'second'] },
);
