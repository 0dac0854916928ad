// Two pools on one server that use the same names for everything: what the second makes, changes and removes under a name is its own, and
// its lists show nothing of the first.
import assert from 'node:assert/strict';
import { ok, refused } from './lib/contract.mjs';
import { onEachEngine } from './lib/guildhall.mjs';
import { furnish, showsNothing, snapshot } from './lib/two-pools.mjs';
import { done, has } from './lib/v2.mjs';

// Whatever lists things of a pool without being told which.
const lists = {
  listUsers: ({ v3 }) => v3.listUsers({ options: { withCustomData: true, withIdentities: true } }),
  listUsersLegacy: ({ v3 }) => v3.listUsersLegacy({}),
  listArchivedUsers: ({ v3 }) => v3.listArchivedUsers({}),
  listGroups: ({ v3 }) => v3.listGroups({}),
  getAllGroups: ({ v3 }) => v3.getAllGroups({ fetchMembers: true }),
  listOrganizations: ({ v3 }) => v3.listOrganizations({ withPost: true }),
  postList: ({ v3 }) => v3.postList({}),
  getCustomFields: ({ v3 }) => v3.getCustomFields({ targetType: 'USER' }),
  listCustFields: ({ v3 }) => v3.listCustFields({ targetType: 'USER', dataType: 'STRING' }),
  getUserBaseFields: ({ v3 }) => v3.getUserBaseFields(),
  getAccessKeyList: ({ v3 }) => v3.getAccessKeyList({}),
  getAdminAuditLogs: ({ v3 }) => v3.getAdminAuditLogs({ pagination: { page: 1, limit: 50 } }),
  getUserActionLogs: ({ v3 }) => v3.getUserActionLogs({}),
  'V2 users': ({ v2 }) => v2.users.list(1, 50, { withCustomData: true }),
  'V2 archived users': ({ v2 }) => v2.users.listArchivedUsers(),
  'V2 filter': ({ v2 }) => v2.users.filter({ page: 1, limit: 50 }),
  'V2 user actions': ({ v2 }) => v2.users.listUserActions(),
  'V2 groups': ({ v2 }) => v2.groups.list(1, 50),
  'V2 fields': ({ v2 }) => v2.udf.list('USER'),
  'V2 roles': (pool) => pool.data('{ roles { totalCount list { id code description users { totalCount } } } }'),
  'V2 pool': (pool) => pool.data('{ userpool { id name } }'),
};

onEachEngine(
  'isolation of names',
  async (t, { pools: [first, second] }) => {
    const theirs = await furnish(first);
    const before = await snapshot(first, theirs);
    const { v2, v3 } = second;
    const target = (userId) => ({ targetType: 'USER', targetIdentifier: userId });
    let own;

    for (const [name, list] of Object.entries(lists)) {
      await t.test(`${name} shows nothing of theirs`, async () =>
        showsNothing(await list(second), { ...theirs, pool: first.userPoolId }, name),
      );
    }

    await t.test('users', async () => {
      const { username, email, phone, externalId } = theirs;
      own = ok(await v3.createUser({ username, email, phone, externalId, nickname: 'own' })).userId;
      assert.notEqual(own, theirs.userId);
      for (const [userIdType, userId] of Object.entries({ username, email, phone, external_id: externalId })) {
        has(ok(await v3.getUser({ userId, userIdType })), { userId: own });
        has(ok(await first.v3.getUser({ userId, userIdType })), { userId: theirs.userId });
      }
      assert.equal(ok(await v3.listUsers({})).totalCount, 1);
    });

    await t.test('identities', async () => {
      const [extIdpId, userIdInIdp] = theirs.identity.split(':');
      ok(await v3.linkIdentity({ userId: own, extIdpId, userIdInIdp, type: 'openid' }));
      has(ok(await v3.getUser({ userId: theirs.identity, userIdType: 'identity' })), { userId: own });
      ok(await v3.unlinkIdentity({ userId: own, extIdpId, type: 'openid' }));
    });

    await t.test('fields and their values', async () => {
      const field = { targetType: 'USER', key: theirs.field, label: 'own' };
      const badge = { ...field, key: 'marka_badge' };
      ok(
        await v3.setCustomFields({
          list: [
            { ...field, dataType: 'STRING' },
            { ...badge, dataType: 'STRING', isUnique: true },
          ],
        }),
      );
      ok(await v3.setCustomFields({ list: [{ ...field, dataType: 'NUMBER' }] })); // no value of ours stands in the way
      ok(await v3.setCustomFields({ list: [{ ...field, isUnique: true }] })); // two equal values of theirs do not either
      assert.deepEqual(ok(await v3.getCustomData(target(own))), {});
      ok(
        await v3.setCustomData({
          ...target(own),
          list: [
            { key: theirs.field, value: 7 },
            { key: 'marka_badge', value: 'marka-007' },
          ],
        }),
      );
      assert.deepEqual(ok(await v3.getCustomData(target(own))), { [theirs.field]: 7, marka_badge: 'marka-007' });
      ok(await v3.setCustomFields({ list: [{ ...badge, isUnique: false }] }));
      refused(await first.v3.setCustomData({ ...target(theirs.secondId), list: [{ key: 'marka_badge', value: 'marka-007' }] }), 409);
      ok(await v3.deleteCustomFields({ list: [{ targetType: 'USER', key: theirs.field }] }));
      assert.deepEqual(ok(await v3.getCustomData(target(own))), { marka_badge: 'marka-007' });
    });

    await t.test('groups', async () => {
      ok(await v3.createGroup({ code: theirs.group, name: 'own' }));
      assert.deepEqual(ok(await v3.listGroupMembers({ code: theirs.group })), { totalCount: 0, list: [] });
      assert.deepEqual(ok(await v3.getGroupAuthorizedResources({ code: theirs.group })), []);
      ok(await v3.addGroupMembers({ code: theirs.group, userIds: [own] }));
      assert.deepEqual(
        ok(await v3.listGroupMembers({ code: theirs.group })).list.map(({ userId }) => userId),
        [own],
      );
      assert.equal((await v2.users.search('own', { groupOpts: [{ code: theirs.group }] })).totalCount, 1);
      has(ok(await v3.updateGroup({ code: theirs.group, newCode: 'renamed' })), { code: 'renamed' });
      ok(await v3.deleteGroupsBatch({ codeList: ['renamed', theirs.group] }));
    });

    await t.test('roles and grants', async () => {
      const ask = (query) => second.data(query, { role: theirs.role, own });
      await ask('mutation ($role: String!) { createRole(code: $role, description: "own") { id } }');
      assert.equal((await ask('query ($role: String!) { role(code: $role) { users { totalCount } } }')).role.users.totalCount, 0);
      assert.deepEqual(
        (await ask('query ($role: String!) { role(code: $role) { authorizedResources { list { code } } } }')).role.authorizedResources.list,
        [],
      );
      done(await v2.users.addRoles(own, [theirs.role]));
      assert.equal((await v2.users.listAuthorizedResources(own, 'default')).totalCount, 0);
      await ask(
        'mutation ($own: String!) { allow(resource: "marka:1", action: "marka:own", userId: $own, namespace: "default") { code } }',
      );
      await ask(
        'mutation ($role: String!) { allow(resource: "marka:2", action: "marka:own", roleCode: $role, namespace: "default") { code } }',
      );
      const resources = (await v2.users.listAuthorizedResources(own, 'default')).list.map(({ code, actions }) => `${code} ${actions}`);
      assert.deepEqual(resources.toSorted(), ['marka:1 marka:own', 'marka:2 marka:own']);
      done((await ask('mutation ($role: String!) { deleteRole(code: $role) { code } }')).deleteRole);
      assert.equal((await v2.users.listRoles(own)).totalCount, 0);
    });

    await t.test('resigning and deleting', async () => {
      ok(await v3.resignUser({ userId: theirs.username, userIdType: 'username' }));
      assert.equal((await v2.users.listAuthorizedResources(own, 'default')).totalCount, 0);
      ok(await v3.deleteUsersBatch({ userIds: [theirs.email], options: { userIdType: 'email' } }));
      assert.equal(ok(await v3.listUsers({})).totalCount, 0);
    });

    await t.test('the first pool is as it was', async () => assert.deepEqual(await snapshot(first, theirs), before));
  },
  { pools: ['first', 'second'] },
);
