// What both wires answer to what no good client sends: always in their envelope, soon, and never with a 5xx.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { ok, operations, refused } from './lib/contract.mjs';
import { onEachEngine } from './lib/guildhall.mjs';
import { has } from './lib/v2.mjs';

const rest = JSON.parse(fs.readFileSync(new URL('../contract/v2-rest.json', import.meta.url), 'utf8')).routes;

/** Checks a V2 GraphQL refusal: HTTP 200, no data, and error messages that are objects. */
function isGraphQLRefusal({ status, json, text }, code) {
  assert.equal(status, 200, text.slice(0, 300));
  assert.equal(json.data, null);
  assert.ok(Array.isArray(json.errors) && json.errors.length > 0, text.slice(0, 300));
  for (const { message } of json.errors) {
    assert.equal(typeof message.code, 'number');
    assert.ok(message.code !== 200 && message.code !== 500, `code ${message.code}: ${message.message}`);
    assert.ok(typeof message.message === 'string' && message.message !== '');
  }
  if (code !== undefined) assert.equal(json.errors[0].message.code, code, text.slice(0, 300));
}

/** Checks that call() takes less than two seconds: no text of a request may cost more. */
async function soon(call) {
  const start = performance.now();
  const answer = await call();
  const took = performance.now() - start;
  assert.ok(took < 2000, `took ${Math.round(took)} ms`);
  return answer;
}

const nested = (depth) => `{ users { list { ${'roles { list { '.repeat(depth)} id ${'} }'.repeat(depth)} } } }`;
const aliases = (count) => `{ ${Array.from({ length: count }, (_, i) => `a${i}: users { totalCount }`).join(' ')} }`;
const doubling = (levels) =>
  `{ users { list { ...f0 } } } ${Array.from({ length: levels }, (_, i) => `fragment f${i} on User { ...f${i + 1} groups { list { users { list { ...f${i + 1} } } } } }`).join(' ')} fragment f${levels} on User { id }`;

async function graphql(t, pool) {
  const token = await pool.v2.tokenProvider.getToken();
  const headers = { 'content-type': 'application/json', 'x-authing-userpool-id': pool.userPoolId, authorization: `Bearer ${token}` };
  const send = (body, more = {}) => pool.bare('POST', '/graphql/v2', { headers: { ...headers, ...more }, body });
  const query = (text, variables) => JSON.stringify({ query: text, variables });

  for (const [name, body, code] of [
    ['an unknown root field', query('{ nonsense }')],
    ['an unknown field', query('{ users { nonsense } }')],
    ['an unknown argument', query('{ users(nonsense: 1) { totalCount } }')],
    ['an argument of the wrong type', query('{ users(page: "one") { totalCount } }')],
    ['a missing argument', query('{ group { code } }')],
    ['an unknown enum value', query('{ udf(targetType: NONSENSE) { key } }')],
    ['a missing variable', query('query($c: String!) { group(code: $c) { code } }')],
    ['a variable of the wrong type', query('query($c: String!) { group(code: $c) { code } }', { c: 7 })],
    ['an undeclared variable', query('{ group(code: $c) { code } }')],
    ['no selection on an object', query('{ users }')],
    ['an unknown fragment', query('{ users { ...nonsense } }')],
    ['a fragment of itself', query('{ users { list { ...f } } } fragment f on User { id ...f }')],
    ['no query', '{}'],
    ['an empty query', query('')],
    ['a syntax error', query('{ users { ')],
    ['a subscription', query('subscription { users { totalCount } }')],
    ['two operations and no name', query('query a { users { totalCount } } query b { users { totalCount } }')],
    ['depth', query(nested(200))],
    ['aliases', query(aliases(2000))],
    ['fragments that double', query(doubling(30))],
    ['endless brackets', query('{'.repeat(200_000))],
    ['no JSON', '{"query":'],
    ['a list', '[]'],
    ['a number', '7'],
    ['an empty body', ''],
    ['invalid UTF-8', Buffer.from('{"query":"{ users(page: \\"\xff\\") }"}', 'latin1')],
    ['a query that is no text', '{"query":7}'],
    ['variables that are no object', '{"query":"{ users { totalCount } }","variables":[1]}'],
    ['size', query(`{ users { totalCount } } #${'x'.repeat(20 << 20)}`)],
    ['loginByEmail, its password not encrypted', query('mutation { loginByEmail(input: { email: "a@example.com", password: "x" }) { id } }'), 2016],
    ['emailTemplates, not offered yet', query('{ emailTemplates { type } }'), 501],
  ]) {
    await t.test(name, async () => isGraphQLRefusal(await soon(() => send(body)), code));
  }

  await t.test('callers', async (t) => {
    for (const [name, more] of [
      ['no token', { authorization: '' }],
      ['a token that is none', { authorization: 'Bearer nonsense' }],
      ['another scheme', { authorization: 'Basic YTpi' }],
    ]) {
      await t.test(name, async () => isGraphQLRefusal(await send(query('{ users { totalCount } }'), more)));
    }
  });

  await t.test('what is right still works', async () => {
    has(
      (await send(query('query list($p: Int = 1) { all: users(page: $p) { totalCount } ...on Query { groups { totalCount } } }'))).json
        .data,
      { all: { totalCount: 0 }, groups: { totalCount: 0 } },
    );
    const { data } = (
      await soon(() => send(query('{ __schema { queryType { name fields { name } } mutationType { name } types { name } } }')))
    ).json;
    assert.ok(
      data.__schema.queryType.fields.some(({ name }) => name === 'users'),
      'clients introspect',
    );
  });
}

async function restV2(t, pool) {
  const known = rest.filter(({ path, base }) => path.startsWith('/api/v2/') && base === 'host');
  let unserved = 0;
  for (const { method, path } of known) {
    await t.test(`${method} ${path}`, async () => {
      const answer = await soon(() => pool.rest(method, path.replace(/\{\w+\}/g, 'x'), method === 'GET' ? undefined : {}));
      assert.equal(typeof answer.code, 'number', JSON.stringify(answer));
      assert.ok(answer.code === 200 || (typeof answer.message === 'string' && answer.message !== ''));
      assert.ok(answer.code !== 500, answer.message);
      if (answer.code === 501) unserved++;
    });
  }
  await t.test('some are not offered yet', () => assert.ok(unserved > 0 && unserved < known.length, `${unserved} of ${known.length}`));
  await t.test('an unknown route', async () => {
    const { status, json } = await pool.bare('GET', '/api/v2/nonsense');
    assert.ok(status < 500);
    assert.notEqual(json?.code, 200);
  });
}

async function restV3(t, pool) {
  const namesake = (method, path) => [...operations.values()].filter((o) => o.method === method && o.path === path).map((o) => o.operation);
  const anonymous = { token: null };

  await t.test('every operation answers in the envelope, and none to strangers', async (t) => {
    for (const { operation, method, path } of operations.values()) {
      if (path.includes('{')) continue;
      await t.test(operation, async () => {
        if (operation !== 'getManagementToken') {
          const stranger = await pool.bearer(method, path, {}, anonymous);
          refused(stranger);
          assert.ok([401, 501].includes(stranger.statusCode), `a stranger gets ${stranger.statusCode}`);
        }
        const answer = await soon(() => pool.bearer(method, path));
        if (answer.statusCode !== 200) refused(answer);
        if (answer.statusCode === 501) assert.ok(namesake(method, path).some((name) => answer.message.includes(name)), answer.message);
      });
    }
  });

  await t.test('an operation that is not offered yet', async () =>
    refused(await pool.signed('GET', '/api/v3/list-pipeline-functions', { scene: 'PRE_REGISTER' }), 501, /listPipelineFunctions/),
  );

  await t.test('signatures', async (t) => {
    const ago = (ms) => new Date(Date.now() - ms).toUTCString();
    const sign = (options) =>
      pool.signed('POST', '/api/v3/list-users', { keywords: 'a', options: { pagination: { page: 1, limit: 1 } } }, options);
    for (const [name, options, apiCode] of [
      [
        'a wrong signature',
        { tamper: (headers) => (headers.authorization = headers.authorization.replace(/:.*/, ':AAAAAAAAAAAAAAAAAAAAAAAAAAA=')) },
        1300,
      ],
      ['no signature', { tamper: (headers) => (headers.authorization = headers.authorization.replace(/:.*/, ':')) }, 1300],
      ['a header changed after signing', { tamper: (headers) => (headers['x-authing-lang'] = 'en-US') }, 1300],
      ['a header added after signing', { tamper: (headers) => (headers['x-authing-app-id'] = pool.appId) }, 1300],
      ['another method', { headers: { 'x-authing-signature-method': 'HMAC-MD5' } }, 1301],
      ['another version', { headers: { 'x-authing-signature-version': '2.0' } }, 1302],
      ['a date that is none', { headers: { date: 'yesterday' } }, 1303],
      ['no date', { headers: { date: undefined } }, 1304],
      ['a date long ago', { headers: { date: ago(24 * 3_600_000) } }, 1305],
      ['a date to come', { headers: { date: ago(-24 * 3_600_000) } }, 1305],
    ]) {
      await t.test(name, async () => {
        const answer = await sign(options);
        refused(answer);
        assert.equal(answer.apiCode, apiCode, JSON.stringify(answer));
      });
    }
    await t.test('another path or other parameters than were signed', async () => {
      let stolen;
      await sign({
        tamper: (headers) => {
          stolen = { ...headers };
          headers.authorization = '';
        },
      });
      for (const [path, body] of [
        ['/api/v3/get-admin-audit-logs', { keywords: 'a', options: { pagination: { page: 1, limit: 1 } } }],
        ['/api/v3/list-users', { keywords: 'b' }],
      ]) {
        const answer = await pool.v3answer('POST', path, { headers: stolen, body: JSON.stringify(body) });
        assert.equal(answer.apiCode, 1300, JSON.stringify(answer));
      }
    });
    await t.test('a date in milliseconds is one', async () => ok(await sign({ headers: { date: String(Date.now()) } })));
    // A clock behind will do too, once the server has been up for as long: it can't know what was signed before it started.
    await t.test('a clock a minute ahead will do', async () => ok(await sign({ headers: { date: ago(-60_000) } })));
    for (const [name, method, path, parameters] of [
      ['a read', 'GET', '/api/v3/list-groups', { page: 1 }],
      ['a read by POST', 'POST', '/api/v3/list-users', { keywords: 'a' }],
      ['a write', 'POST', '/api/v3/create-group', { code: 'once', name: 'Once' }],
    ]) {
      await t.test(`${name} twice with one nonce`, async () => {
        const headers = { 'x-authing-signature-nonce': `nonce-of-${path}`, date: new Date().toUTCString() };
        ok(await pool.signed(method, path, parameters, { headers }));
        const again = await pool.signed(method, path, parameters, { headers });
        refused(again);
        assert.equal(again.apiCode, 1306, JSON.stringify(again));
      });
    }
    await t.test('one nonce, sixteen times at once', async () => {
      const headers = { 'x-authing-signature-nonce': 'nonce-of-a-race', date: new Date().toUTCString() };
      const answers = await Promise.all(
        Array.from({ length: 16 }, () => pool.signed('POST', '/api/v3/create-group', { code: 'race', name: 'Race' }, { headers })),
      );
      assert.equal(answers.filter(({ statusCode }) => statusCode === 200).length, 1);
      assert.equal(answers.filter(({ apiCode }) => apiCode === 1306).length, 15);
    });
    await t.test('a write that was refused may be sent again with its nonce, and is not done twice', async () => {
      const headers = { 'x-authing-signature-nonce': 'nonce-of-a-refusal', date: new Date().toUTCString() };
      refused(await pool.signed('POST', '/api/v3/create-group', { code: '', name: 'N' }, { headers }), 400);
      const groups = ok(await pool.v3.listGroups({})).totalCount;
      await pool.signed('POST', '/api/v3/create-group', { code: '', name: 'N' }, { headers });
      assert.equal(ok(await pool.v3.listGroups({})).totalCount, groups);
    });
  });

  await t.test('the language that was asked for', async () => {
    refused(
      await pool.signed('GET', '/api/v3/get-group', { code: 'nonsense' }, { headers: { 'x-authing-lang': 'zh-CN' } }),
      404,
      '分组不存在',
    );
    refused(
      await pool.signed('GET', '/api/v3/get-group', { code: 'nonsense' }, { headers: { 'x-authing-lang': 'en-US' } }),
      404,
      /^[ -~]+$/,
    );
  });

  await t.test('HTTP', async (t) => {
    for (const [name, method, path, request] of [
      ['an unknown path', 'GET', '/api/v3/nonsense'],
      ['another method', 'DELETE', '/api/v3/create-user'],
      ['a path that climbs', 'GET', '/api/v3/../../etc/passwd'],
      ['a form', 'POST', '/api/v3/create-user', { headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'username=a' }],
      ['a broken escape', 'GET', '/api/v3/get-user?userId=%zz'],
    ]) {
      await t.test(name, async () => {
        const { status, json, text } = await soon(() => pool.bare(method, path, request));
        assert.ok(status < 500, `status ${status}`);
        assert.ok(json === undefined || (json.statusCode !== 200 && json.statusCode !== 500), text.slice(0, 300));
      });
    }
  });
}

onEachEngine('refusals', async (t, { pools: [pool] }) => {
  for (const part of [graphql, restV2, restV3]) await t.test(part.name, (t) => part(t, pool));
});
