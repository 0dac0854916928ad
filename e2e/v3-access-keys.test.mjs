// Access keys: every operation of the domain, and that a key opens exactly what it should, as long as it should.
import assert from 'node:assert/strict';
import { ok, operations, refused, Recorder } from './lib/contract.mjs';
import { onEachEngine, Pool } from './lib/guildhall.mjs';
import { has, isID, isTime, unknownID } from './lib/v2.mjs';

onEachEngine('V3 access keys', async (t, hall) => {
  const [pool] = hall.pools;
  const recorder = new Recorder(pool.v3);
  const v3 = recorder.client;
  const owner = ok(await v3.createUser({ username: 'owner' })).userId;
  const by = (key) =>
    new Pool(hall.url, { userPoolId: pool.userPoolId, accessKeyId: key.accessKeyId, accessKeySecret: key.accessKeySecret });
  const works = (caller) => caller.signed('GET', '/api/v3/list-groups', {});
  const token = (id, secret) =>
    pool.bare('POST', '/api/v3/get-management-token', {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ accessKeyId: id, accessKeySecret: secret }),
    });
  let key;

  await t.test('createAccessKey', async () => {
    const list = ok(await v3.createAccessKey({ type: 'user', userId: owner }));
    assert.equal(list.length, 1);
    [key] = list;
    has(key, { userId: owner, userPoolId: pool.userPoolId, enable: true });
    isID(key.accessKeyId);
    assert.ok(key.accessKeySecret.length >= 32);
    isTime(key.createdAt);
    const [second] = ok(await v3.createAccessKey({ type: 'user', userId: owner }));
    assert.notEqual(second.accessKeyId, key.accessKeyId);
    assert.notEqual(second.accessKeySecret, key.accessKeySecret);
    refused(await v3.createAccessKey({ type: 'user', userId: unknownID }), 404, '用户不存在');
    refused(await v3.createAccessKey({ userId: owner }), 400, '参数 type 格式错误');
    refused(await v3.createAccessKey({ type: ['user'] }), 400, '参数 type 格式错误');
  });

  await t.test('it signs', async () => {
    has(ok(await works(by(key))), { totalCount: 0 });
    refused(await works(by({ ...key, accessKeySecret: `${key.accessKeySecret}x` })), 401);
    refused(await works(by({ ...key, accessKeyId: unknownID })), 401);
  });

  await t.test('getManagementToken', async () => {
    const { status, json } = await token(key.accessKeyId, key.accessKeySecret);
    assert.equal(status, 200);
    recorder.note(operations.get('getManagementToken'), json);
    assert.ok(Number.isInteger(json.data.expires_in) && json.data.expires_in >= 7200, `expires_in is ${json.data.expires_in}`);
    const claims = JSON.parse(Buffer.from(json.data.access_token.split('.')[1], 'base64url'));
    assert.equal(claims.scoped_userpool_id, pool.userPoolId, 'the Go client reads it, as a text');
    assert.ok(claims.exp > Date.now() / 1000 + 7000);
    has(ok(await pool.bearer('GET', '/api/v3/list-groups', {}, { token: json.data.access_token })), { totalCount: 0 });
    has(
      ok(
        await pool.bearer(
          'POST',
          '/api/v3/list-users',
          {},
          { token: json.data.access_token, headers: { 'x-authing-userpool-id': pool.userPoolId, 'x-authing-app-tenant-id': '' } },
        ),
      ),
      { totalCount: 1 },
    );
    for (const [id, secret] of [
      [key.accessKeyId, 'wrong'],
      [unknownID, key.accessKeySecret],
      ['', ''],
      [key.accessKeyId, ''],
      [7, 7],
    ]) {
      const { json: body } = await token(id, secret);
      recorder.note(operations.get('getManagementToken'), body);
      refused(body);
    }
  });

  await t.test('what is no token opens nothing', async (t) => {
    const good = (await token(key.accessKeyId, key.accessKeySecret)).json.data.access_token;
    const [head, body, signature] = good.split('.');
    const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const claims = JSON.parse(Buffer.from(body, 'base64url'));
    const flipped = signature.startsWith('A') ? `B${signature.slice(1)}` : `A${signature.slice(1)}`;
    for (const [name, text] of [
      ['nothing', null],
      ['words', 'nonsense'],
      ['a changed signature', `${head}.${body}.${flipped}`],
      ['no signature', `${head}.${body}.`],
      ['other claims', `${head}.${encode({ ...claims, exp: claims.exp + 1 })}.${signature}`],
      ['no algorithm', `${encode({ alg: 'none' })}.${body}.`],
      ["a user's token", (await pool.v2.users.refreshToken(owner)).token],
    ]) {
      await t.test(name, async () => {
        const answer = await pool.bearer('GET', '/api/v3/list-groups', {}, { token: text });
        refused(answer);
        assert.ok([401, 403].includes(answer.statusCode), `statusCode ${answer.statusCode}`);
      });
    }
  });

  await t.test('getAccessKeyList and getAccessKey', async () => {
    const list = ok(await v3.getAccessKeyList({ userId: owner }));
    assert.equal(list.length, 2);
    has(
      list.find(({ accessKeyId }) => accessKeyId === key.accessKeyId),
      { userId: owner, enable: true, userPoolId: pool.userPoolId },
    );
    assert.ok(ok(await v3.getAccessKeyList({})).length >= 2);
    assert.deepEqual(ok(await v3.getAccessKeyList({ userId: unknownID })), []);
    const [one] = ok(await v3.getAccessKey({ userId: owner, accessKeyId: key.accessKeyId }));
    has(one, { accessKeyId: key.accessKeyId, userId: owner, enable: true });
    refused(await v3.getAccessKey({ userId: owner, accessKeyId: unknownID }), 404, '密钥不存在');
    refused(await v3.getAccessKey({ userId: owner, accessKeyId: '' }), 400, '参数 accessKeyId 格式错误');
    refused(await v3.getAccessKeyList({ userId: 'a\u0000' }), 400);
  });

  await t.test('updateAccessKey shuts and opens it at once', async () => {
    const bearer = by(key);
    await bearer.managementToken();
    assert.deepEqual(ok(await v3.updateAccessKey({ accessKeyId: key.accessKeyId, enable: false })), { success: true });
    has(ok(await v3.getAccessKey({ userId: owner, accessKeyId: key.accessKeyId }))[0], { enable: false });
    refused(await works(by(key)), 401);
    refused(await bearer.bearer('GET', '/api/v3/list-groups'), 401);
    refused((await token(key.accessKeyId, key.accessKeySecret)).json);
    assert.deepEqual(ok(await v3.updateAccessKey({ accessKeyId: key.accessKeyId, enable: true })), { success: true });
    ok(await works(by(key)));
    ok(await bearer.bearer('GET', '/api/v3/list-groups'));
    refused(await v3.updateAccessKey({ accessKeyId: unknownID, enable: true }), 404, '密钥不存在');
    refused(await v3.updateAccessKey({ accessKeyId: key.accessKeyId, enable: 'no' }), 400, '参数 enable 格式错误');
    refused(await v3.updateAccessKey({ accessKeyId: key.accessKeyId }), 400, '参数 enable 格式错误');
  });

  await t.test('deleteAccessKey', async () => {
    const bearer = by(key);
    await bearer.managementToken();
    assert.equal(ok(await v3.deleteAccessKey({ accessKeyId: key.accessKeyId })), undefined);
    refused(await works(by(key)), 401);
    refused(await bearer.bearer('GET', '/api/v3/list-groups'), 401);
    assert.equal(ok(await v3.getAccessKeyList({ userId: owner })).length, 1);
    refused(await v3.deleteAccessKey({ accessKeyId: key.accessKeyId }), 404, '密钥不存在');
    refused(await v3.deleteAccessKey({ accessKeyId: '' }), 400, '参数 accessKeyId 格式错误');
  });

  await t.test('no operation was left out', () => recorder.assertComplete('access-key'));
});
