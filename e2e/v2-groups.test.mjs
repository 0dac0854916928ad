// Groups over authing-js-sdk, every method of its GroupsManagementClient, and what its users have of groups, roles and grants.
import assert from 'node:assert/strict';
import { onEachEngine } from './lib/guildhall.mjs';
import { Tracker, done, has, isID, isTime, refuses, unknownID } from './lib/v2.mjs';

const codes = (page) => page.list.map(({ code }) => code);

onEachEngine('V2 groups', async (t, { pools: [pool] }) => {
  const tracker = new Tracker(pool.v2.groups);
  const groups = tracker.client;
  const [ann, bob] = [await pool.v2.users.create({ username: 'ann' }), await pool.v2.users.create({ username: 'bob' })];

  await t.test('create and detail', async () => {
    const group = await groups.create('developer', 'Developers', 'who develop');
    has(group, { code: 'developer', name: 'Developers', description: 'who develop' });
    isTime(group.createdAt);
    isTime(group.updatedAt);
    has(await groups.detail('developer'), { code: 'developer', name: 'Developers', description: 'who develop' });
    has(await groups.create('tester', 'Testers'), { code: 'tester', name: 'Testers' });
    assert.equal(await groups.detail('nonsense'), null);
  });

  await t.test('create refuses', async (t) => {
    for (const [name, ...input] of [
      ['a taken code', 'developer', 'Again'],
      ['no code', '', 'Name'],
      ['no name', 'unnamed'],
      ['a long code', 'c'.repeat(100), 'Name'],
      ['a NUL', 'a\u0000b', 'Name'],
      ['a number for a name', 'number', 7],
    ]) {
      await t.test(name, () => refuses(groups.create(...input)));
    }
    assert.equal((await groups.list()).totalCount, 2);
  });

  await t.test('update', async () => {
    has(await groups.update('tester', { name: 'Test', description: 'who test' }), {
      code: 'tester',
      name: 'Test',
      description: 'who test',
    });
    has(await groups.update('tester', { newCode: 'qa' }), { code: 'qa', name: 'Test', description: 'who test' });
    assert.equal(await groups.detail('tester'), null, 'the old code is nobody');
    has(await groups.detail('qa'), { name: 'Test' });
    await refuses(groups.update('tester', { name: 'x' }));
    await refuses(groups.update('qa', { newCode: 'developer' }));
  });

  await t.test('list, newest first', async () => {
    const page = await groups.list();
    assert.deepEqual([page.totalCount, codes(page)], [2, ['qa', 'developer']]);
    has(page.list[1], { name: 'Developers', description: 'who develop' });
    assert.deepEqual(codes(await groups.list(2, 1)), ['developer']);
    assert.deepEqual(codes(await groups.list(3, 1)), []);
    await refuses(groups.list(-1, 10));
    await refuses(groups.list(1, 100_000));
  });

  await t.test('members', async () => {
    done(await groups.addUsers('developer', [ann.id, bob.id]));
    done(await groups.addUsers('developer', [bob.id]));
    const page = await groups.listUsers('developer');
    assert.equal(page.totalCount, 2, 'a member is one once');
    assert.deepEqual(page.list.map(({ username }) => username).toSorted(), ['ann', 'bob']);
    const second = await groups.listUsers('developer', { page: 2, limit: 1, withCustomData: true });
    assert.deepEqual([second.totalCount, second.list.length, second.list[0].customData], [2, 1, {}]);
    done(await groups.removeUsers('developer', [ann.id]));
    done(await groups.removeUsers('developer', [ann.id]));
    assert.deepEqual(
      (await groups.listUsers('developer')).list.map(({ id }) => id),
      [bob.id],
    );
    await refuses(groups.addUsers('developer', [unknownID]));
    await refuses(groups.addUsers('developer', [ann.id, unknownID]));
    assert.equal((await groups.listUsers('developer')).totalCount, 1, 'all or none');
    await refuses(groups.addUsers('nonsense', [ann.id]));
    await refuses(groups.addUsers('developer', []));
    await refuses(groups.removeUsers('nonsense', [ann.id]));
    await assert.rejects(groups.listUsers('nonsense'), TypeError); // the client reads a field of null
  });

  await t.test("a user's groups", async () => {
    const { users } = pool.v2;
    done(await users.addGroup(ann.id, 'qa'));
    done(await users.addGroup(ann.id, 'developer'));
    const page = await users.listGroups(ann.id);
    assert.deepEqual([page.totalCount, codes(page).toSorted()], [2, ['developer', 'qa']]);
    has(
      page.list.find(({ code }) => code === 'qa'),
      { name: 'Test', description: 'who test' },
    );
    done(await users.removeGroup(ann.id, 'qa'));
    assert.deepEqual(codes(await users.listGroups(ann.id)), ['developer']);
    await refuses(users.addGroup(ann.id, 'nonsense'));
    await refuses(users.addGroup(unknownID, 'qa'));
    await refuses(users.removeGroup(ann.id, 'nonsense'));
    await assert.rejects(users.listGroups(unknownID), TypeError); // the client reads a field of null
  });

  await t.test("a user's roles", async () => {
    const { users } = pool.v2;
    const { createRole } = await pool.data('mutation{createRole(code:"admin",description:"all"){id namespace code arn description}}');
    has(createRole, { namespace: 'default', code: 'admin', description: 'all' });
    isID(createRole.id);
    assert.equal((await users.listRoles(ann.id)).totalCount, 0);
    done(await users.addRoles(ann.id, ['admin']));
    done(await users.addRoles(ann.id, ['admin']));
    for (const namespace of [undefined, 'default']) {
      const page = await users.listRoles(ann.id, namespace);
      assert.deepEqual([page.totalCount, codes(page)], [1, ['admin']]);
      has(page.list[0], { id: createRole.id, namespace: 'default', description: 'all' });
      assert.equal(await users.hasRole(ann.id, 'admin', namespace), true);
    }
    assert.equal(await users.hasRole(ann.id, 'nonsense'), false);
    assert.equal(await users.hasRole(bob.id, 'admin'), false);
    done(await users.removeRoles(ann.id, ['admin']));
    assert.equal((await users.listRoles(ann.id)).totalCount, 0);
    await refuses(users.addRoles(ann.id, ['nonsense']));
    await refuses(users.addRoles(unknownID, ['admin']));
    await refuses(users.addRoles(ann.id, ['admin'], 'nonsense'));
    await refuses(users.removeRoles(ann.id, ['nonsense']));
    await assert.rejects(users.listRoles(unknownID), /用户不存在/); // the client's own words
  });

  await t.test('authorized resources', async () => {
    const { users } = pool.v2;
    const allow = (variables) =>
      pool.data(
        'mutation($r:String!,$a:String!,$u:String,$c:String,$n:String){allow(resource:$r,action:$a,userId:$u,roleCode:$c,namespace:$n){code message}}',
        variables,
      );
    done((await allow({ r: 'books:1', a: 'books:read', u: ann.id, n: 'default' })).allow);
    done((await allow({ r: 'books:1', a: 'books:edit', u: ann.id, n: 'default' })).allow);
    done((await allow({ r: 'books:2', a: 'books:read', c: 'admin', n: 'default' })).allow);
    const read = { code: 'books:1', type: 'DATA', actions: ['books:read'] };
    const own = { ...read, actions: ['books:edit', 'books:read'] };
    const sorted = ({ list, totalCount }) => {
      assert.equal(totalCount, list.length);
      return list
        .map(({ actions, ...rest }) => ({ ...rest, actions: actions.toSorted() }))
        .toSorted((a, b) => a.code.localeCompare(b.code));
    };
    assert.deepEqual(sorted(await users.listAuthorizedResources(ann.id, 'default')), [own]);
    assert.deepEqual(sorted(await users.listAuthorizedResources(ann.id)), [own], 'no namespace: all of them');
    assert.deepEqual(sorted(await users.listAuthorizedResources(ann.id, 'default', { resourceType: 'DATA' })), [own]);
    assert.deepEqual(sorted(await users.listAuthorizedResources(ann.id, 'default', { resourceType: 'MENU' })), []);
    assert.deepEqual(sorted(await users.listAuthorizedResources(bob.id, 'default')), []);
    done(await users.addRoles(ann.id, ['admin']));
    assert.deepEqual(sorted(await users.listAuthorizedResources(ann.id, 'default')), [own, { ...read, code: 'books:2' }], 'through a role');
    await refuses(users.listAuthorizedResources(ann.id, 'nonsense'));
    await refuses(users.listAuthorizedResources(ann.id, 'default', { resourceType: 'NONSENSE' }));
    await assert.rejects(users.listAuthorizedResources(unknownID, 'default'), /用户不存在/); // the client's own words
    await assert.rejects(allow({ r: 'books', a: 'read', u: ann.id }), 'a bare type is no resource');
  });

  await t.test("a group's authorized resources", async () => {
    assert.deepEqual(await groups.listAuthorizedResources('developer', 'default'), { totalCount: 0, list: [] });
    done(
      (
        await pool.data(`mutation { authorizeResource(namespace: "default", resourceType: DATA, resource: "cars:1",
      opts: [{ targetType: GROUP, targetIdentifier: "developer", actions: ["cars:drive"] }]) { code } }`)
      ).authorizeResource,
    );
    const expected = { totalCount: 1, list: [{ code: 'cars:1', type: 'DATA', actions: ['cars:drive'] }] };
    assert.deepEqual(await groups.listAuthorizedResources('developer', 'default'), expected);
    assert.deepEqual((await groups.listAuthorizedResources('developer', 'default', { resourceType: 'API' })).list, []);
    assert.ok(
      (await pool.v2.users.listAuthorizedResources(bob.id, 'default')).list.some(({ code }) => code === 'cars:1'),
      'its members have them',
    );
    await refuses(groups.listAuthorizedResources('developer', 'nonsense'));
    await assert.rejects(groups.listAuthorizedResources('nonsense', 'default'), /分组不存在/); // the client's own words
  });

  await t.test('delete', async () => {
    done(await groups.delete('qa'));
    assert.equal(await groups.detail('qa'), null);
    await refuses(groups.delete('qa'));
    await refuses(groups.deleteMany(['developer', 'nonsense']));
    has(await groups.detail('developer'), { code: 'developer' });
    done(await groups.deleteMany(['developer']));
    assert.equal((await groups.list()).totalCount, 0);
    assert.equal((await pool.v2.users.listGroups(bob.id)).totalCount, 0, 'its members left it');
    await refuses(groups.deleteMany([]));
  });

  await t.test('no method was left out', () => tracker.assertAllCalled());
});
