// Groups whose members follow a rule: our own endpoints, and what the wire's own show of such groups.
import assert from 'node:assert/strict';
import { ok, refused } from './lib/contract.mjs';
import { onEachEngine } from './lib/guildhall.mjs';
import { has, refuses, unknownID } from './lib/v2.mjs';

onEachEngine('V3 dynamic groups', async (t, { pools: [pool] }) => {
  const { v2, v3 } = pool;
  const x = (method, name, parameters) => pool.bearer(method, `/api/v3/x/${name}`, parameters);
  const setRule = (code, rule) => x('POST', 'set-group-rule', { code, rule });
  const members = async (code) => ok(await v3.listGroupMembers({ code, limit: 50 })).list.map(({ username }) => username).sort();

  ok(await v3.setCustomFields({ list: [{ targetType: 'USER', key: 'team', dataType: 'STRING' }] }));
  ok(await v3.setCustomFields({ list: [{ targetType: 'USER', key: 'secret', dataType: 'STRING', encrypted: true }] }));
  const users = ok(
    await v3.createUsersBatch({
      list: [
        { username: 'ann', city: 'Berlin', customData: { team: 'red', age: 30 } },
        { username: 'bob', city: 'Paris', customData: { age: 17 } },
        { username: 'eve', city: 'Berlin' },
      ],
    }),
  );
  const [ann, bob, eve] = users.map(({ userId }) => userId);

  await t.test('a rule has its members', async () => {
    has(ok(await v3.createGroup({ code: 'berlin', name: 'Berlin', type: 'dynamic' })), { type: 'dynamic', members: [] });
    assert.deepEqual(await members('berlin'), []);
    refused(await x('GET', 'get-group-rule', { code: 'berlin' }), 404, '分组没有规则');
    has(ok(await setRule('berlin', 'user.city == "Berlin"')), { code: 'berlin', rule: 'user.city == "Berlin"', state: 'ready', pendingRule: null });
    assert.deepEqual(await members('berlin'), ['ann', 'eve']);
    has(ok(await x('GET', 'get-group-rule', { code: 'berlin' })), { rule: 'user.city == "Berlin"', state: 'ready', progress: null });
  });

  await t.test('a static group becomes dynamic', async () => {
    ok(await v3.createGroup({ code: 'adults', name: 'Adults' }));
    ok(await v3.addGroupMembers({ code: 'adults', userIds: [bob] }));
    has(ok(await x('POST', 'preview-group-rule', { code: 'adults', rule: 'user.custom.age >= 18' })), {
      join: 1,
      leave: 1,
      members: 1,
      joiningUserIds: [ann],
      leavingUserIds: [bob],
      estimated: false,
    });
    assert.deepEqual(await members('adults'), ['bob'], 'a preview changes nothing');
    ok(await setRule('adults', 'user.custom.age >= 18'));
    assert.deepEqual(await members('adults'), ['ann']);
    has(ok(await v3.getGroup({ code: 'adults' })), { type: 'dynamic' });
  });

  await t.test('members follow every write of users', async () => {
    ok(await v3.updateUser({ userId: bob, city: 'Berlin', customData: { age: 18 } }));
    assert.deepEqual(await members('berlin'), ['ann', 'bob', 'eve']);
    assert.deepEqual(await members('adults'), ['ann', 'bob']);
    assert.deepEqual(ok(await v3.getUserGroups({ userId: bob })).list.map(({ code }) => code).sort(), ['adults', 'berlin']);
    ok(await v3.setCustomData({ targetType: 'USER', targetIdentifier: eve, list: [{ key: 'age', value: 40 }] }));
    assert.deepEqual(await members('adults'), ['ann', 'bob', 'eve']);
    const kim = ok(await v3.createUser({ username: 'kim', city: 'Berlin' })).userId;
    assert.deepEqual(await members('berlin'), ['ann', 'bob', 'eve', 'kim']);
    ok(await v3.deleteUsersBatch({ userIds: [kim] }));
    ok(await v3.resignUser({ userId: eve }));
    assert.deepEqual(await members('berlin'), ['ann', 'bob']);
    const v2user = await v2.users.create({ username: 'max', password: 'Secret-1234', city: 'Berlin' });
    assert.deepEqual(await members('berlin'), ['ann', 'bob', 'max'], 'a write of the other wire');
    await v2.users.delete(v2user.id);
    assert.deepEqual(await members('berlin'), ['ann', 'bob']);
  });

  await t.test('members are not set by hand', async () => {
    refused(await v3.addGroupMembers({ code: 'berlin', userIds: [ann] }), 422, '动态分组的成员由规则决定，不能手动增减');
    refused(await v3.removeGroupMembers({ code: 'berlin', userIds: [ann] }), 422);
    await refuses(v2.groups.addUsers('berlin', [ann]));
    assert.deepEqual(await members('berlin'), ['ann', 'bob']);
  });

  await t.test('explain', async () => {
    const yes = ok(await x('GET', 'explain-group-membership', { code: 'adults', userId: ann }));
    has(yes, { member: true, matches: true, rule: 'user.custom.age >= 18', fields: { 'user.custom.age': 30 }, failure: null });
    assert.equal(typeof yes.since, 'number');
    has(ok(await x('GET', 'explain-group-membership', { code: 'adults', userId: eve })), { member: false, matches: false, since: null });
    refused(await x('GET', 'explain-group-membership', { code: 'adults', userId: unknownID }), 404);
    refused(await x('GET', 'explain-group-membership', { code: 'nonsense', userId: ann }), 404);
  });

  await t.test('a field that a rule reads stays', async () => {
    refused(await v3.deleteCustomFields({ targetType: 'USER', list: [{ targetType: 'USER', key: 'age' }] }), 422, /adults/);
    ok(await v3.deleteCustomFields({ targetType: 'USER', list: [{ targetType: 'USER', key: 'team' }] }));
  });

  await t.test('refused rules', async (t) => {
    for (const [name, rule, message] of [
      ['an unknown field', 'user.nope == "x"', '表达式有误（位置 1:5）：there is no field \'nope\''],
      ['a removed field', 'user.custom.team == "x"', /没有|there is no field/],
      ['an encrypted field', 'user.custom.secret == "x"', /there is no field/],
      ['the password', 'user.password == "x"', /there is no field/],
      ['a wrong type', 'user.city > 1', /wrong types/],
      ['no condition', 'user.city', /must be bool/],
      ['a syntax error', 'user.city ==', /位置/],
      ['10,000 characters', `user.city == "${'x'.repeat(10_000)}"`, /表达式过于复杂/],
      ['deep brackets', '('.repeat(4000), /表达式过于复杂/],
      ['nested comprehensions', '[1,2].all(a, [1,2].all(b, [1,2].all(c, [1,2].all(d, true))))', /表达式过于复杂/],
      ['a huge regular expression', `user.city.matches("${'(a{1,100}){1,10}'.repeat(20)}")`, /表达式/],
      ['a regular expression of a field', 'user.metadata.matches(user.metadata)', /表达式过于复杂/],
    ]) {
      await t.test(name, async () => {
        refused(await setRule('berlin', rule), 400, message);
        refused(await x('POST', 'preview-group-rule', { rule }), 400, message);
      });
    }
    for (const body of [{}, { code: 'berlin' }, { code: 'berlin', rule: '' }, { code: 'berlin', rule: 7 }, { code: 'berlin', rule: ['x'] }, { rule: 'true' }]) {
      refused(await x('POST', 'set-group-rule', body), 400);
    }
    refused(await setRule('nonsense', 'true'), 404, '分组不存在');
    refused(await pool.bearer('POST', '/api/v3/x/set-group-rule', { code: 'berlin', rule: 'true' }, { token: null }), 401);
    assert.deepEqual(await members('berlin'), ['ann', 'bob'], 'nothing has changed');
  });

  await t.test('remove-group-rule', async () => {
    ok(await x('POST', 'remove-group-rule', { code: 'berlin' }));
    has(ok(await v3.getGroup({ code: 'berlin' })), { type: 'static' });
    assert.deepEqual(await members('berlin'), ['ann', 'bob']);
    ok(await v3.removeGroupMembers({ code: 'berlin', userIds: [bob] }));
    assert.deepEqual(await members('berlin'), ['ann']);
    refused(await x('POST', 'remove-group-rule', { code: 'berlin' }), 404);
  });
});
