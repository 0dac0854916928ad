// Organisations over authing-js-sdk, every method of its OrgManagementClient, and what users, roles and custom fields have of them.
import assert from 'node:assert/strict';
import { onEachEngine } from './lib/guildhall.mjs';
import { Tracker, done, has, isID, isTime, refuses, unknownID } from './lib/v2.mjs';

const names = (nodes) => nodes.map(({ name }) => name);
const usernames = (page) => page.list.map(({ username }) => username).toSorted();

const company = {
  name: 'Acme',
  code: 'acme',
  nameI18n: { en: 'Acme', ja: 'アクメ' },
  description: 'makes everything',
  descriptionI18n: { en: 'makes everything' },
  order: 10,
  children: [
    { code: 'hr', name: 'HR', order: 10 },
    {
      code: 'dev',
      name: 'Dev',
      description: 'who develop',
      order: 40,
      children: [
        { code: 'backend', name: 'Backend', order: 20 },
        { code: 'frontend', name: 'Frontend', order: 30 },
      ],
    },
  ],
};

onEachEngine('V2 organisations', async (t, { pools: [pool, other] }) => {
  const tracker = new Tracker(pool.v2.org);
  const orgs = tracker.client;
  const { users } = pool.v2;
  const ann = await users.create({ username: 'ann' });
  const bob = await users.create({ username: 'bob' });
  let acme, dev, ops, backend;

  await t.test('create', async () => {
    acme = await orgs.create('Works', 'the works', 'works');
    isID(acme.id);
    has(acme.rootNode, { name: 'Works', code: 'works', description: 'the works', root: true, depth: 0, children: [] });
    isTime(acme.rootNode.createdAt);
    assert.equal(acme.nodes.length, 1);
    assert.deepEqual(acme.rootNode.path, [acme.rootNode.id]);
  });

  await t.test('create refuses', async (t) => {
    for (const [name, ...input] of [
      ['no name', ''],
      ['a long name', 'n'.repeat(10_000)],
      ['a long code', 'Name', 'd', 'c'.repeat(10_000)],
      ['a NUL', 'a\u0000b'],
      ['a strange code', 'Name', 'd', '额！'],
      ['a tenant', 'Name', 'd', 'code', unknownID],
    ]) {
      await t.test(name, () => refuses(orgs.create(...input)));
    }
    assert.equal((await orgs.list()).totalCount, 1);
  });

  await t.test('nodes', async () => {
    dev = await orgs.addNode(acme.id, acme.rootNode.id, { name: 'Dev', code: 'dev', description: 'who develop', order: 5, nameI18n: '{"en":"Dev"}' });
    has(dev, { orgId: acme.id, name: 'Dev', code: 'dev', order: 5, depth: 1, root: false, nameI18n: '{"en":"Dev"}', path: [acme.rootNode.id, dev.id] });
    ops = await orgs.addNode(acme.id, acme.rootNode.id, { name: 'Ops', code: 'ops', order: 9 });
    backend = await orgs.addNode(acme.id, dev.id, { name: 'Backend' });
    has(await orgs.getNodeById(dev.id), { name: 'Dev', children: [backend.id] });
    has(await orgs.getNodeByCode(acme.id, 'dev'), { id: dev.id });
    assert.equal(await orgs.getNodeById(unknownID), null);
    assert.equal(await orgs.getNodeById('xxx'), null);
    assert.equal(await orgs.getNodeByCode(acme.id, 'nonsense'), null);
    assert.equal(await orgs.getNodeByCode(unknownID, 'dev'), null);
    has(await orgs.rootNode(acme.id), { id: acme.rootNode.id, namePath: ['Works'], children: [ops.id, dev.id] });
    assert.deepEqual(names(await orgs.listChildren(acme.rootNode.id)), ['Ops', 'Dev'], 'a larger order comes first');
    assert.equal(await orgs.isRootNode(acme.id, acme.rootNode.id), true);
    assert.equal(await orgs.isRootNode(acme.id, dev.id), false);
    const [found] = await orgs.searchNodes('backe');
    has(found, { id: backend.id, namePath: ['Works', 'Dev', 'Backend'], codePath: ['works', 'dev', ''] });
    has(await orgs.updateNode(backend.id, { name: 'Back end', code: 'backend', description: 'servers' }), { name: 'Back end', code: 'backend', description: 'servers' });
  });

  await t.test('nodes are refused', async (t) => {
    for (const [name, call] of [
      ['a taken code', () => orgs.addNode(acme.id, dev.id, { name: 'Again', code: 'ops' })],
      ['no organisation', () => orgs.addNode(unknownID, dev.id, { name: 'N' })],
      ['no parent', () => orgs.addNode(acme.id, unknownID, { name: 'N' })],
      ['no name', () => orgs.addNode(acme.id, dev.id, { name: '' })],
      ['a long name', () => orgs.addNode(acme.id, dev.id, { name: 'n'.repeat(10_000) })],
      ['a circle', () => orgs.moveNode(acme.id, dev.id, backend.id)],
      ['itself', () => orgs.moveNode(acme.id, dev.id, dev.id)],
      ['the root moved', () => orgs.moveNode(acme.id, acme.rootNode.id, dev.id)],
      ['the root deleted', () => orgs.deleteNode(acme.id, acme.rootNode.id)],
      ['a node of elsewhere', () => orgs.deleteNode(unknownID, dev.id)],
      ['nobody updated', () => orgs.updateNode(unknownID, { name: 'N' })],
      ['a code updated to a taken one', () => orgs.updateNode(dev.id, { code: 'ops' })],
      ['children of nobody', () => orgs.listChildren(unknownID)],
      ['the root of nobody', () => orgs.rootNode('xxx')],
      ['the root question of nobody', () => orgs.isRootNode(acme.id, unknownID)],
      ['an organisation that is a node', () => orgs.findById(dev.id)],
      ['a search for nothing', () => orgs.searchNodes('')],
    ]) {
      await t.test(name, () => refuses(call()));
    }
    assert.equal((await orgs.findById(acme.id)).nodes.length, 4, 'nothing was half done');
  });

  await t.test('move, and the tree', async () => {
    const { tree } = await orgs.moveNode(acme.id, dev.id, ops.id);
    assert.deepEqual([names(tree.children), names(tree.children[0].children)], [['Ops'], ['Dev']]);
    const found = await orgs.findById(acme.id);
    assert.deepEqual(names(found.tree.children[0].children[0].children), ['Back end']);
    assert.equal(found.nodes.find(({ id }) => id === backend.id).depth, 3);
  });

  await t.test('members', async () => {
    const added = await orgs.addMembers(dev.id, [ann.id, bob.id]);
    assert.deepEqual([added.totalCount, usernames(added)], [2, ['ann', 'bob']]);
    await orgs.addMembers(dev.id, [bob.id]);
    assert.equal((await orgs.listMembers(dev.id)).totalCount, 2, 'a member is one once');
    assert.equal((await orgs.listMembers(ops.id)).totalCount, 0);
    assert.equal((await orgs.listMembers(ops.id, { includeChildrenNodes: true })).totalCount, 2);
    const second = await orgs.listMembers(dev.id, { page: 2, limit: 1 });
    assert.deepEqual([second.totalCount, second.list.length], [2, 1]);
    await refuses(orgs.addMembers(dev.id, [unknownID]));
    await refuses(orgs.addMembers(dev.id, []));
    await refuses(orgs.addMembers(unknownID, [ann.id]));

    done(await orgs.setMainDepartment(ann.id, dev.id));
    await refuses(orgs.setMainDepartment(ann.id, backend.id));
    await refuses(orgs.setMainDepartment(unknownID, dev.id));
    await refuses(orgs.setMainDepartment(ann.id, unknownID));
    assert.equal(await orgs.moveMembers({ userIds: [ann.id], sourceNodeId: dev.id, targetNodeId: backend.id }), true);
    has(await users.detail(ann.id), { mainDepartmentId: backend.id, mainDepartmentCode: 'backend' });
    assert.deepEqual(usernames(await orgs.listMembers(dev.id)), ['bob']);
    await refuses(orgs.moveMembers({ userIds: [bob.id, unknownID], sourceNodeId: dev.id, targetNodeId: backend.id }));
    await refuses(orgs.moveMembers({ userIds: [bob.id], sourceNodeId: dev.id, targetNodeId: unknownID }));
    assert.deepEqual(usernames(await orgs.listMembers(dev.id)), ['bob'], 'all or none');
    assert.equal((await orgs.removeMembers(dev.id, [bob.id, unknownID])).totalCount, 0);

    const departments = await users.listDepartment(ann.id);
    assert.equal(departments.totalCount, 1);
    has(departments.list[0], { isMainDepartment: true });
    has(departments.list[0].department, { id: backend.id, codePath: ['works', 'ops', 'dev', 'backend'] });
    const [way] = await users.listOrgs(ann.id);
    assert.deepEqual(way.map(({ type, id }) => `${type} ${id}`), [`org ${acme.id}`, ...[acme.rootNode.id, ops.id, dev.id, backend.id].map((id) => `node ${id}`)]);
    assert.deepEqual(await users.listOrgs(bob.id), []);
    await refuses(users.listOrgs(unknownID));
  });

  await t.test('roles of nodes', async () => {
    await pool.v2.roles.create('lead');
    const assign = (verb, codes) => pool.data(`mutation($c: [String!]) { ${verb}(roleCode: "lead", nodeCodes: $c) { code } }`, { c: codes });
    const roles = async (id) => (await pool.data('query($id: String!) { nodeById(id: $id) { roles { totalCount list { code } } } }', { id })).nodeById.roles;
    done((await assign('assignRole', ['dev', 'ops'])).assignRole);
    assert.deepEqual(await roles(ops.id), { totalCount: 1, list: [{ code: 'lead' }] });
    await assert.rejects(assign('assignRole', ['backend', 'nonsense']));
    assert.equal((await roles(backend.id)).totalCount, 0);
    done((await assign('revokeRole', ['ops'])).revokeRole);
    assert.equal((await roles(ops.id)).totalCount, 0);
  });

  await t.test('custom fields of nodes', async () => {
    const { udf } = pool.v2;
    has(await udf.set('NODE', 'floor', 'NUMBER', 'Floor'), { targetType: 'NODE', key: 'floor' });
    assert.deepEqual((await udf.list('NODE')).map(({ key }) => key), ['floor']);
    has((await udf.setUdvBatch('NODE', ops.id, [{ key: 'floor', value: 3 }]))[0], { key: 'floor' });
    assert.equal((await udf.listUdv('NODE', ops.id))[0].value, 3);
    await refuses(udf.setUdvBatch('NODE', unknownID, [{ key: 'floor', value: 3 }]));
    await refuses(udf.setUdvBatch('NODE', ops.id, [{ key: 'floor', value: 'high' }]));
  });

  await t.test('import and export', async () => {
    const one = await orgs.importByJson(company);
    const two = await orgs.importByJson(company);
    assert.notEqual(one.id, two.id, 'the same codes make another organisation');
    const found = await orgs.findById(one.id);
    assert.deepEqual(names(found.nodes), ['Acme', 'Dev', 'Frontend', 'Backend', 'HR']);
    has(found.rootNode, { code: 'acme', description: 'makes everything', order: 10 });
    assert.deepEqual(JSON.parse(found.rootNode.nameI18n), company.nameI18n);
    const exported = await orgs.exportByOrgId(one.id);
    has(exported, { id: one.id, name: 'Acme', nameI18n: company.nameI18n, order: 10 });
    assert.deepEqual(names(exported.children), ['Dev', 'HR']);
    assert.deepEqual(names(exported.children[0].children), ['Frontend', 'Backend']);
    assert.deepEqual(names(await orgs.exportAll()), ['Acme', 'Acme', 'Works']);
    assert.deepEqual(names((await orgs.importByJson(exported)).children), ['Dev', 'HR'], 'what was exported can be imported');
    await refuses(orgs.exportByOrgId(unknownID));

    const wide = (n) => Array.from({ length: n }, (_, i) => ({ name: `n${i}` }));
    let deep = { name: 'leaf' };
    for (let i = 0; i < 51; i++) deep = { name: 'n', children: [deep] };
    for (const file of [
      { name: '' },
      { name: 'n', children: [{ code: 'x' }] },
      { name: 'n', children: [{ name: 'n'.repeat(10_000) }] },
      { name: 'n', children: [{ name: 'a', code: 'x' }, { name: 'b', code: 'x' }] },
      { name: 'n', children: 'none' },
      { name: 'n', children: wide(5000) },
      deep,
      [company],
      'acme',
    ]) {
      await refuses(orgs.importByJson(file));
    }
    assert.equal((await orgs.getAllOrgs()).totalCount, 4, 'nothing was half done');
    has(await orgs.importByJson({ name: 'Wide', children: wide(1000) }), { name: 'Wide' });
  });

  await t.test('lists', async () => {
    const page = await orgs.list(1, 2);
    assert.deepEqual([page.totalCount, page.list.length, page.list[0].rootNode.name], [5, 2, 'Wide']);
    assert.deepEqual(names(page.list[1].tree.children), ['Dev', 'HR']);
    const rest = await orgs.getAllOrgs(3, 2);
    assert.equal(rest.totalCount, 5);
    has(rest.list[0], { id: acme.id, rootNodeId: acme.id });
    has(rest.list[0].rootNode, { name: 'Works' });
    await refuses(orgs.list(-1));
    assert.equal(await orgs.getOrgByTenantId(unknownID), null);
  });

  await t.test("another pool's", async () => {
    const theirs = other.v2.org;
    assert.equal(await theirs.getNodeById(dev.id), null);
    await refuses(theirs.findById(acme.id));
    await refuses(theirs.deleteById(acme.id));
    await refuses(theirs.addMembers(dev.id, [ann.id]));
    assert.deepEqual(await theirs.exportAll(), []);
  });

  await t.test('what is authorized', async () => { // v2-acl.test.mjs has more
    const none = { list: [], totalCount: 0 };
    assert.deepEqual(await orgs.listAuthorizedResourcesByNodeId(dev.id, 'default'), none);
    assert.deepEqual(await orgs.listAuthorizedResourcesByNodeCode(acme.id, 'dev', 'default'), none);
    await refuses(orgs.listAuthorizedResourcesByNodeId(dev.id, 'nonsense'), 404);
  });

  await t.test('not served', async () => {
    await refuses(orgs.startSync({ providerType: 'ad', adConnectorId: 'x' }), 501);
    await refuses(orgs.startSync({ providerType: 'wechatwork' }), 501);
  });

  await t.test('delete', async () => {
    done(await orgs.deleteNode(acme.id, dev.id));
    assert.equal(await orgs.getNodeById(backend.id), null, 'those below go along');
    has(await users.detail(ann.id), { mainDepartmentId: null });
    await refuses(orgs.deleteNode(acme.id, dev.id));
    done(await orgs.deleteById(acme.id));
    await refuses(orgs.deleteById(acme.id));
    await refuses(orgs.findById(acme.id));
    assert.equal((await orgs.list()).totalCount, 4);
  });

  await t.test('no method was left out', () => tracker.assertAllCalled());
}, { pools: ['first', 'second'] });
