// Whitelists over authing-node-sdk: every operation of the domain.
import assert from 'node:assert/strict';
import { ok, refused, Recorder } from './lib/contract.mjs';
import { onEachEngine } from './lib/guildhall.mjs';
import { isTime, unknownID } from './lib/v2.mjs';

const values = (list) => list.map(({ value }) => value).toSorted();

onEachEngine('V3 whitelist', async (t, { pools: [pool] }) => {
  const recorder = new Recorder(pool.v3);
  const v3 = recorder.client;

  await t.test("the pool's own", async () => {
    assert.deepEqual(ok(await v3.listWhitelists({ type: 'EMAIL' })), []);
    const added = ok(await v3.addWhitelist({ type: 'EMAIL', list: ['Ann@Example.com', 'bob@example.com'] }));
    assert.deepEqual(values(added), ['ann@example.com', 'bob@example.com']);
    isTime(added[0].createdAt);
    ok(await v3.addWhitelist({ type: 'PHONE', list: ['13800000000'] }));
    assert.deepEqual(values(ok(await v3.listWhitelists({ type: 'EMAIL' }))), ['ann@example.com', 'bob@example.com']);
    assert.deepEqual(ok(await v3.deleteWhitelist({ type: 'EMAIL', list: ['BOB@example.com', 'eve@example.com'] })), { success: true });
    assert.deepEqual(values(ok(await v3.listWhitelists({ type: 'EMAIL' }))), ['ann@example.com']);
  });

  await t.test("an application's", async () => {
    const { appId } = pool;
    assert.deepEqual(values(ok(await v3.addWhitelistOfApp({ appId, type: 'USERNAME', list: ['ann', 'Ann'] }))), ['Ann', 'ann']);
    assert.deepEqual(values(ok(await v3.listWhitelistsOfApp({ appId, type: 'USERNAME' }))), ['Ann', 'ann']);
    assert.deepEqual(ok(await v3.listWhitelists({ type: 'USERNAME' })), []);
    ok(await v3.deleteWhitelistOfApp({ appId, type: 'USERNAME', list: ['ann'] }));
    assert.deepEqual(values(ok(await v3.listWhitelistsOfApp({ appId, type: 'USERNAME' }))), ['Ann']);
  });

  await t.test('refuses', async () => {
    refused(await v3.listWhitelists({ type: 'NONSENSE' }), 400, '参数 type 格式错误');
    refused(await v3.addWhitelist({ type: 'EMAIL' }), 400, '参数 list 格式错误');
    refused(await v3.addWhitelist({ type: 'EMAIL', list: [''] }), 400, '参数 list 格式错误');
    refused(await v3.addWhitelist({ type: 'EMAIL', list: ['x'.repeat(10_000)] }), 400, '参数 list 格式错误');
    refused(await v3.deleteWhitelist({ type: 'EMAIL', list: [] }), 400, '参数 list 格式错误');
    refused(await v3.listWhitelistsOfApp({ appId: unknownID, type: 'EMAIL' }), 404, '应用不存在');
    refused(await v3.addWhitelistOfApp({ appId: unknownID, type: 'EMAIL', list: ['x'] }), 404, '应用不存在');
    refused(await v3.deleteWhitelistOfApp({ appId: unknownID, type: 'EMAIL', list: ['x'] }), 404, '应用不存在');
  });

  recorder.assertComplete('whitelist');
});
