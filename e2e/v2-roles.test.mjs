// Roles over authing-js-sdk, every method of its RolesManagementClient.
import assert from 'node:assert/strict';
import { onEachEngine } from './lib/guildhall.mjs';
import { Tracker, done, has, isID, isTime, refuses, unknownID } from './lib/v2.mjs';

const codes = (page) => page.list.map(({ code }) => code);

onEachEngine('V2 roles', async (t, { pools: [pool] }) => {
  const tracker = new Tracker(pool.v2.roles);
  const roles = tracker.client;
  const [ann, bob] = [await pool.v2.users.create({ username: 'ann', nickname: 'Annie' }), await pool.v2.users.create({ username: 'bob' })];

  await t.test('create and detail', async () => {
    const role = await roles.create('admin', 'who may all');
    has(role, { code: 'admin', namespace: 'default', description: 'who may all' });
    isID(role.id);
    assert.match(role.arn, /:role:admin$/);
    const detail = await roles.detail('admin');
    has(detail, { id: role.id, code: 'admin', description: 'who may all' });
    isTime(detail.createdAt);
    has(await roles.findByCode('admin', 'default'), { code: 'admin' });
    has(await roles.create('admin', 'of the application', pool.appId), { namespace: pool.appId });
    has(await roles.create('tester'), { code: 'tester', description: null });
    has(await roles.detail('admin', pool.appId), { description: 'of the application' });
    assert.equal(await roles.detail('nonsense'), null);
    assert.equal(await roles.findByCode('tester', pool.appId), null);
    assert.equal(await roles.detail('admin', 'nonsense'), null);
  });

  await t.test('create refuses', async (t) => {
    for (const [name, ...input] of [
      ['a taken code', 'admin'],
      ['no code', ''],
      ['a blank code', ' '],
      ['a bad code', '额! '],
      ['a long code', 'c'.repeat(100)],
      ['a NUL', 'a\u0000b'],
      ['a number for a description', 'number', 7],
      ['an unknown namespace', 'x', 'd', 'nonsense'],
    ]) {
      await t.test(name, () => refuses(roles.create(...input)));
    }
    assert.equal((await roles.list()).totalCount, 2);
  });

  await t.test('update', async () => {
    has(await roles.update('tester', { description: 'who test' }), { code: 'tester', description: 'who test' });
    has(await roles.update('tester', { newCode: 'qa' }), { code: 'qa', description: 'who test' });
    assert.equal(await roles.detail('tester'), null, 'the old code is nobody');
    await refuses(roles.update('tester', { description: 'x' }));
    await refuses(roles.update('qa', { newCode: 'admin' }));
    await refuses(roles.update('qa', { newCode: 'a b' }));
    await refuses(roles.update('qa', { description: 'x', namespace: pool.appId }));
    has(await roles.update('admin', { description: 'app', namespace: pool.appId }), { namespace: pool.appId, description: 'app' });
    has(await roles.detail('admin'), { description: 'who may all' });
  });

  await t.test('list, newest first', async () => {
    const page = await roles.list();
    assert.deepEqual([page.totalCount, codes(page)], [2, ['qa', 'admin']]);
    assert.deepEqual(codes(await roles.list({ page: 2, limit: 1 })), ['admin']);
    assert.deepEqual(codes(await roles.list({ namespace: pool.appId })), ['admin']);
    await refuses(roles.list({ page: 0, limit: 10 }));
    await refuses(roles.list({ page: 1, limit: 100_000 }));
    await refuses(roles.list({ namespace: 'nonsense' }));
  });

  await t.test('users', async () => {
    done(await roles.addUsers('admin', [ann.id, bob.id]));
    done(await roles.addUsers('admin', [bob.id]));
    done(await roles.addUsers('admin', [bob.id], pool.appId));
    const page = await roles.listUsers('admin');
    assert.deepEqual([page.totalCount, page.list.map(({ username }) => username).toSorted()], [2, ['ann', 'bob']]);
    const second = await roles.listUsers('admin', { page: 2, limit: 1, withCustomData: true });
    assert.deepEqual([second.totalCount, second.list.length, second.list[0].customData], [2, 1, {}]);
    assert.equal((await roles.listUsers('admin', { namespace: pool.appId })).totalCount, 1);
    assert.deepEqual(await roles.listUsers('nonsense'), { totalCount: 0, list: [] });
    assert.deepEqual(await roles.listUsers('nonsense', { withCustomData: true }), { totalCount: 0, list: [] });
    await refuses(roles.listUsers('admin', { page: -1 }));
    done(await roles.removeUsers('admin', [ann.id]));
    done(await roles.removeUsers('admin', [ann.id]));
    assert.deepEqual(
      (await roles.listUsers('admin')).list.map(({ id }) => id),
      [bob.id],
    );
    done(await roles.removeUsers('admin', [bob.id], pool.appId));
    assert.equal((await roles.listUsers('admin')).totalCount, 1, 'of one namespace only');
    await refuses(roles.addUsers('admin', [ann.id, unknownID]), 2004);
    assert.equal((await roles.listUsers('admin')).totalCount, 1, 'all or none');
    await refuses(roles.addUsers('nonsense', [ann.id]));
    await refuses(roles.addUsers('admin', [ann.id], 'nonsense'));
    await refuses(roles.addUsers('admin', []));
    await refuses(roles.removeUsers('nonsense', [ann.id]));
  });

  await t.test('findUsers', async () => {
    done(await roles.addUsers('admin', [ann.id]));
    const page = await roles.findUsers('admin');
    assert.deepEqual([page.totalCount, page.list.map(({ username }) => username).toSorted()], [2, ['ann', 'bob']]);
    for (const [search, expected] of [
      ['AN', ['ann']],
      ['Annie', ['ann']],
      ['nobody', []],
      ['%', []],
    ]) {
      const found = await roles.findUsers('admin', { search, namespace: 'default' });
      assert.deepEqual([found.totalCount, found.list.map(({ username }) => username)], [expected.length, expected], search);
    }
    assert.equal((await roles.findUsers('admin', { page: 2, limit: 1 })).list.length, 1);
    assert.equal((await roles.findUsers('admin', { namespace: pool.appId })).totalCount, 0);
    await refuses(roles.findUsers('nonsense'));
    await refuses(roles.findUsers('admin', { namespace: 'nonsense' }));
    await refuses(roles.findUsers('admin', { page: 0 }));
    await refuses(roles.findUsers('admin', { limit: 100_000 }));
    await refuses(roles.findUsers('admin', { search: 7 }));
  });

  await t.test('authorized resources', async () => {
    assert.deepEqual(await roles.listAuthorizedResources('admin', 'default'), { totalCount: 0, list: [] });
    done((await pool.data('mutation { allow(resource: "books:1", action: "books:read", roleCode: "admin", namespace: "default") { code } }')).allow);
    const expected = { totalCount: 1, list: [{ code: 'books:1', type: 'DATA', actions: ['books:read'] }] };
    assert.deepEqual(await roles.listAuthorizedResources('admin', 'default'), expected);
    assert.deepEqual(await roles.listAuthorizedResources('admin', 'default', { resourceType: 'DATA' }), expected);
    assert.equal((await roles.listAuthorizedResources('admin', 'default', { resourceType: 'API' })).totalCount, 0);
    assert.equal((await roles.listAuthorizedResources('admin', pool.appId)).totalCount, 0);
    await refuses(roles.listAuthorizedResources('admin', 'default', { resourceType: 'NONSENSE' }));
    await assert.rejects(roles.listAuthorizedResources('nonsense', 'default'), /角色不存在/); // the client's own words
  });

  await t.test('custom values', async () => {
    const [{ id: admin }, { id: qa }] = [await roles.detail('admin'), await roles.detail('qa')];
    await refuses(roles.setUdfValue(admin, { rank: 7 }));
    await pool.v2.udf.set('ROLE', 'rank', 'NUMBER', 'Rank');
    await pool.v2.udf.set('ROLE', 'motto', 'STRING', 'Motto');
    assert.deepEqual(await roles.getUdfValue(admin), {});
    await roles.setUdfValue(admin, { rank: 7, motto: 'all' });
    assert.deepEqual(await roles.getUdfValue(admin), { rank: 7, motto: 'all' });
    assert.deepEqual(await roles.getSpecificUdfValue(admin, 'rank'), { rank: 7 });
    assert.deepEqual(await roles.getSpecificUdfValue(admin, 'nonsense'), {});
    await roles.setUdfValueBatch([
      { roleId: admin, data: { rank: 1 } },
      { roleId: qa, data: { rank: 2, motto: 'test' } },
    ]);
    assert.deepEqual(await roles.getUdfValueBatch([admin, qa]), { [admin]: { rank: 1, motto: 'all' }, [qa]: { rank: 2, motto: 'test' } });
    await roles.removeUdfValue(admin, 'motto');
    assert.deepEqual(await roles.getUdfValue(admin), { rank: 1 });
    await refuses(roles.setUdfValue(admin, { rank: 'seven' }));
    await refuses(roles.setUdfValue(unknownID, { rank: 7 }));
    await refuses(roles.setUdfValueBatch([{ roleId: admin, data: { rank: 9 } }, { roleId: unknownID, data: { rank: 9 } }]));
    assert.deepEqual(await roles.getUdfValue(admin), { rank: 1 }, 'all or none');
    await refuses(roles.getUdfValue(unknownID));
    await refuses(roles.removeUdfValue(unknownID, 'rank'));
  });

  await t.test('policies', async () => {
    const statements = [{ resource: 'books:*', actions: ['books:read'], effect: 'ALLOW' }];
    await pool.v2.policies.create({ code: 'reading', statements });
    assert.deepEqual(await roles.listPolicies('admin'), { totalCount: 0, list: [] });
    // The client sends the role's code as the identifier of a user, and nobody is called so.
    await refuses(roles.addPolicies('admin', ['reading']));
    assert.equal((await roles.listPolicies('admin')).totalCount, 0);
    done(await pool.v2.policies.addAssignments(['reading'], 'ROLE', ['admin']));
    const page = await roles.listPolicies('admin', 1, 10);
    assert.deepEqual([page.totalCount, page.list[0].code], [1, 'reading']);
    done(await roles.removePolicies('admin', ['reading']));
    assert.equal((await roles.listPolicies('admin')).totalCount, 1, 'taken from nobody');
    await refuses(roles.removePolicies('admin', ['nonsense']));
    assert.deepEqual(await roles.listPolicies('nonsense'), { totalCount: 0, list: [] });
  });

  await t.test('delete', async () => {
    done(await roles.delete('qa'));
    assert.equal(await roles.detail('qa'), null);
    await refuses(roles.delete('qa'));
    await refuses(roles.deleteMany(['admin', 'nonsense']));
    has(await roles.detail('admin'), { code: 'admin' });
    done(await roles.deleteMany(['admin']));
    assert.equal((await roles.list()).totalCount, 0);
    has(await roles.detail('admin', pool.appId), { code: 'admin' });
    done(await roles.delete('admin', pool.appId));
    assert.equal((await pool.v2.users.listRoles(bob.id)).totalCount, 0, 'nobody has it any more');
    await refuses(roles.deleteMany([]));
    await refuses(roles.delete('admin', 'nonsense'));
  });

  await t.test('no method was left out', () => tracker.assertAllCalled());
});
