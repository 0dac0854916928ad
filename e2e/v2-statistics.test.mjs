// Logs over authing-js-sdk: every method of its StatisticsManagementClient and its UserActionManagementClient.
import assert from 'node:assert/strict';
import { UserActionManagementClient } from 'authing-js-sdk/build/main/lib/management/UserActionManagementClient.js';
import { onEachEngine } from './lib/guildhall.mjs';
import { Tracker, has, isTime, refuses, unknownID } from './lib/v2.mjs';

onEachEngine('V2 statistics', async (t, { pools: [pool] }) => {
  const tracker = new Tracker(pool.v2.statistics);
  const statistics = tracker.client;
  const user = await pool.v2.users.create({ username: 'ann' });
  const { token } = await pool.v2.users.refreshToken(user.id);
  const change = async (nickname) => pool.data('mutation($n: String) { updateUser(input: {nickname: $n}) { id } }', { n: nickname }, { token });
  await change('Annie');
  await change('Ann');

  await t.test('listUserActions', async () => {
    const { totalCount, list } = await statistics.listUserActions();
    assert.deepEqual([totalCount, list.length], [2, 2]);
    has(list[0], { userPoolId: pool.userPoolId, userPoolName: 'first', userId: user.id, userName: 'Ann', eventType: 'updateUserPrefile', appId: pool.appId });
    isTime(list[0].timestamp);
    const options = { userId: user.id, appId: pool.appId, eventType: 'updateUserPrefile', clientIp: '127.0.0.1', start: 1, page: 2, limit: 1 };
    assert.deepEqual([(await statistics.listUserActions(options)).totalCount], [2]);
    assert.equal((await statistics.listUserActions({ userId: unknownID })).totalCount, 0);
    assert.equal((await statistics.listUserActions({ eventType: 'login' })).totalCount, 0);
    assert.equal((await statistics.listUserActions({ end: 1 })).totalCount, 0);
    await refuses(statistics.listUserActions({ limit: 100_000 }));
    await refuses(statistics.listUserActions({ page: -1 }));
  });

  await t.test('listAuditLogs', async () => {
    const { totalCount, list } = await statistics.listAuditLogs();
    assert.ok(totalCount > 0 && list.length > 0);
    const [made] = (await statistics.listAuditLogs({ eventType: 'create', clientIp: '127.0.0.1' })).list;
    has(made, { userPoolId: pool.userPoolId, eventType: 'create', eventResultCode: 'success', clientIp: '127.0.0.1' });
    has(JSON.parse(made.operationParam), { resourceType: 'user', targetId: user.id });
    assert.equal(JSON.parse(made.eventDetails).after.username, 'ann');
    isTime(made.timestamp);
    assert.equal((await statistics.listAuditLogs({ page: 2, limit: 1 })).list.length, 1);
    assert.equal((await statistics.listAuditLogs({ userId: unknownID })).totalCount, 0);
    assert.equal((await statistics.listAuditLogs({ appId: unknownID })).totalCount, 0);
    assert.equal((await statistics.listAuditLogs({ end: 1 })).totalCount, 0);
    assert.ok((await statistics.listAuditLogs({ start: 1 })).totalCount > 0);
    await refuses(statistics.listAuditLogs({ limit: 100_000 }));
    await refuses(statistics.listAuditLogs({ start: -1 }));
  });

  tracker.assertAllCalled();

  await t.test('the client of user actions', async () => {
    const actions = new Tracker(new UserActionManagementClient(pool.v2.options, pool.v2.httpClient, pool.v2.tokenProvider));
    const { totalCount, list } = await actions.client.list();
    assert.deepEqual([totalCount, list[0].operation_name, list[0].user.id], [2, 'updateUserPrefile', user.id]);
    assert.equal(list[0].operator_arn, `arn:cn:authing:${pool.userPoolId}:user:${user.id}`);
    isTime(list[0]['@timestamp']);
    const options = { page: 1, limit: 1, clientIp: '127.0.0.1', operationName: 'updateUserPrefile', operatoArn: list[0].operator_arn };
    assert.deepEqual([(await actions.client.list(options)).totalCount], [2]);
    await refuses(actions.client.list({ operatoArn: 'nonsense' }));
    actions.assertAllCalled();
  });
});
