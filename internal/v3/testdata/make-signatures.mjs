// Makes signatures.json: what the vendor's management client for Node really sends and signs, call by call.
//
//   npm install authing-node-sdk@4.0.1 && node make-signatures.mjs <that folder> > signatures.json
//
// Each call goes to a recorder on the loopback address. "lost" says why the signature cannot be checked from the wire.
import http from 'node:http'
import { createRequire } from 'node:module'
import path from 'node:path'

const require = createRequire(path.resolve(process.argv[2], 'package.json'))
const { ManagementClient } = require('authing-node-sdk')
const accessKeyId = '64f0c7d2a1b2c3d4e5f60718'
const accessKeySecret = 'b7d0f2a4c6e8091b2d4f6a8c0e1f3a5b'

const get = (params, url = '/api/v3/anything') => c => c.makeRequest({ method: 'GET', url, params })
const post = (data, url = '/api/v3/anything') => c => c.makeRequest({ method: 'POST', url, data })

const cases = [
  { name: 'GET, strings and booleans', call: c => c.getUser({ userId: '64f0c7d2a1b2c3d4e5f60719', withCustomData: true }) },
  { name: 'GET, what a query must escape', call: c => c.getUser({ userId: 'a b+c&d=e/f?g#h%20[i]:$,!\'()~*', userIdType: 'username' }) },
  { name: 'GET, unicode and emoji', call: c => c.getUser({ userId: '张三🔑é', userIdType: 'external_id' }) },
  { name: 'GET, array', call: c => c.getUserBatch({ userIds: ['b', 'a', '张"三\\', 'x,y'] }) },
  { name: 'GET, array of one', call: c => c.getUserBatch({ userIds: ['only'] }) },
  { name: 'GET, array of digits in strings', call: c => c.getUserBatch({ userIds: ['1', '2'] }) },
  { name: 'GET, array of numbers', call: get({ ids: [1, 2.5, -3, 1e21] }) },
  { name: 'GET, array of booleans', call: get({ flags: [true, false] }) },
  { name: 'GET, numbers', call: get({ page: 1, limit: 50, ratio: 0.1, big: 1e21, small: 1e-7, minus: -5 }) },
  { name: 'GET, no parameter object', call: get(undefined, '/api/v3/get-rule-settings') },
  { name: 'GET, empty parameter object', call: get({}) },
  { name: 'GET, undefined only', call: get({ a: undefined }) },
  { name: 'GET, undefined among others', call: c => c.listGroups({ keywords: undefined, page: 2, limit: 10 }) },
  { name: 'GET, empty string', call: get({ keywords: '', page: 1 }) },
  { name: 'GET, date', call: get({ since: new Date(1700000000123), page: 1 }) },
  { name: 'GET, date as a string', call: get({ since: '2023-11-14T22:13:20.123Z' }) },
  { name: 'GET, names in UTF-16 order', call: get({ z: 1, a: 2, Z: 3, '🔑': 4, '！': 5, é: 6 }) },
  { name: 'GET, path with unicode', call: get({ a: 1 }, '/api/v3/目录/文件 一') },
  { name: 'GET, null', call: get({ a: null, b: 1 }), lost: 'null is signed and not sent' },
  { name: 'GET, empty array', call: get({ a: [], b: 1 }), lost: 'an empty array is signed and not sent' },
  { name: 'GET, object', call: get({ a: { b: 1 } }), lost: 'the types within an object are not sent' },
  { name: 'POST, nested objects', call: c => c.createUser({ username: 'zhang', email: 'a@example.com', phone: '13800000000', customData: { school: '清华', age: 18, tags: ['a', { b: null }] }, departmentIds: ['x', 'y'], options: { keepPassword: false, sendNotification: { sendEmailNotification: true } } }) },
  { name: 'POST, list with filter', call: c => c.listUsers({ keywords: '张', advancedFilter: [{ field: 'status', operator: 'IN', value: ['Activated', 'Suspended'] }, { field: 'loginsCount', operator: 'GREATER', value: 5 }], options: { pagination: { page: 1, limit: 10 }, sort: [{ field: 'createdAt', order: 'desc' }] } }) },
  { name: 'POST, unicode and emoji', call: post({ name: '张三🔑 é', '🔑': 'emoji name', '！': 'full width name', nested: { name: '李四🔑', zero: '\u2028\u2029\u007f' } }) },
  { name: 'POST, characters that JSON escapes', call: post({ text: 'line\nline\ttab "quote" \\ / <b>&\b\f\r\u0001', nested: { text: 'line\nline\ttab "quote" \\ / <b>&\b\f\r\u0001' } }) },
  { name: 'POST, lone surrogates', call: post({ text: 'a\ud83d', nested: ['\udd11b'] }) },
  { name: 'POST, numbers', call: post({ int: 42, float: 0.1, sum: 0.1 + 0.2, tiny: 1e-7, huge: 1e21, minus: -0.5, zero: -0, whole: 1.0, max: Number.MAX_SAFE_INTEGER, nested: { float: 1e21, zero: -0 } }) },
  { name: 'POST, booleans and null', call: post({ yes: true, no: false, none: null, nested: [true, false, null] }) },
  { name: 'POST, not a number', call: post({ a: NaN }), lost: 'NaN is signed and null is sent' },
  { name: 'POST, empty values', call: post({ text: '', list: [], object: {} }) },
  { name: 'POST, undefined among others', call: post({ a: undefined, b: 1, nested: { c: undefined, d: [undefined] } }) },
  { name: 'POST, undefined only', call: post({ a: undefined }) },
  { name: 'POST, empty body', call: post({}) },
  { name: 'POST, no body', call: post(undefined) },
  { name: 'POST, null body', call: post(null) },
  { name: 'POST, array body', call: post(['z', { b: 1 }, 3, 4, 5, 6, 7, 8, 9, 10, 'eleventh']) },
  { name: 'POST, date', call: post({ startAt: new Date(1700000000123), a: 1 }) },
  { name: 'POST, dates and the same as a string', call: post({ start: new Date(1700000000123), end: '2023-11-14T22:13:20.123Z', nested: { at: new Date(0) } }) },
  { name: 'POST, names in UTF-16 order', call: post({ z: 1, a: 2, Z: 3, '🔑': 4, '！': 5, é: 6, 10: 7, 9: 8 }) },
  { name: 'POST, query beside the body', call: c => c.makeRequest({ method: 'POST', url: '/api/v3/anything', params: { unsigned: 1 }, data: { a: 1 } }) },
  { name: 'PUT', call: c => c.processApproval({ id: 1, result: 'pass' }) },
  { name: 'DELETE, query is not signed', call: c => c.deleteAuth(['a', 'b']) },
  { name: 'DELETE, braces in the path', call: c => c.deleteById('1') },
  { name: 'header with a tab', options: { tenantId: 'left\tright' }, call: c => c.getUser({ userId: '1' }) },
  { name: 'header with Latin-1', options: { tenantId: 'é\u00a0' }, call: c => c.getUser({ userId: '1' }) },
  { name: 'header with Chinese', options: { tenantId: 'é张' }, call: c => c.getUser({ userId: '1' }), lost: 'the client leaves such characters out of the header' },
  { name: 'tenant and language', options: { tenantId: '64f0c7d2a1b2c3d4e5f60720', lang: 'en-US' }, call: c => c.getUser({ userId: '1' }) },
]

let recorded
const server = http.createServer((req, res) => {
  const chunks = []
  req.on('data', chunk => chunks.push(chunk))
  req.on('end', () => {
    recorded = { method: req.method, url: req.url, raw: req.rawHeaders, body: Buffer.concat(chunks).toString('utf8') }
    res.setHeader('content-type', 'application/json')
    res.end('{"statusCode":200,"message":"","data":{}}')
  })
})
await new Promise(done => server.listen(0, '127.0.0.1', done))
const host = `http://127.0.0.1:${server.address().port}`

const lines = []
for (const { name, options, call, lost } of cases) {
  recorded = undefined
  await call(new ManagementClient({ accessKeyId, accessKeySecret, host, ...options }))
  const headers = {}
  let authorization
  for (let i = 0; i < recorded.raw.length; i += 2) {
    const key = recorded.raw[i].toLowerCase()
    if (key === 'date' || key.startsWith('x-authing-')) headers[key] = recorded.raw[i + 1]
    if (key === 'authorization') authorization = recorded.raw[i + 1]
  }
  const [urlPath, query = ''] = recorded.url.split(/\?(.*)/s)
  lines.push(JSON.stringify({ name, method: recorded.method, path: urlPath, query, body: recorded.body, headers, secret: accessKeySecret, authorization, lost }))
}
process.stdout.write('[\n' + lines.join(',\n') + '\n]\n')
server.close()
