import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** A TCP port of the loopback interface that nobody uses now. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Runs a command to its end. Gives its output; rejects with it when the command fails. */
export function run(command, args, options = {}) {
  const { show = false, signal, ...spawnOptions } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', show ? 'inherit' : 'pipe', show ? 'inherit' : 'pipe'], ...spawnOptions });
    let output = '';
    child.stdout?.on('data', (chunk) => (output += chunk));
    child.stderr?.on('data', (chunk) => (output += chunk));
    const stop = () => child.kill('SIGTERM');
    signal?.addEventListener('abort', stop, { once: true });
    child.once('error', reject);
    child.once('close', (code, killedBy) => {
      signal?.removeEventListener('abort', stop);
      if (code === 0) resolve(output);
      else reject(new Error(`\`${command} ${args.join(' ')}\` ended with ${code ?? killedBy}\n${output.trim()}`));
    });
  });
}

/** Tells whether a command runs and ends well. */
export async function works(command, args) {
  return run(command, args).then(
    () => true,
    () => false,
  );
}

/** Whom to run a server as that refuses root: the first of these users. `undefined`: we are not root. */
export async function unprivilegedUser(title, names) {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of names) {
    const ids = await Promise.all([run('id', ['-u', name]), run('id', ['-g', name])]).catch(() => undefined);
    if (ids !== undefined) return { name, uid: Number(ids[0]), gid: Number(ids[1]) };
  }
  const wanted = names.map((name) => `\`${name}\``).join(' or ');
  throw new Error(`${title} does not run as root, and there is no user ${wanted} to run it as: run the tests as another user`);
}

/**
 * Starts a server and waits until `ready` does not reject any more.
 * It gets a process group of its own: Ctrl-C must reach the tests first and the servers only when they have ended.
 *
 * @returns {Promise<() => Promise<void>>} stops it
 */
export async function startServer(command, args, { ready, stopSignal, timeoutMs = 30_000, ...options }) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true, ...options });
  let output = '';
  const keep = (chunk) => (output = (output + chunk).slice(-4000));
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const ended = new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, killedBy) => resolve(`it ended with ${code ?? killedBy}`));
  });
  const running = () => child.pid !== undefined && child.exitCode === null && child.signalCode === null;
  const stop = async () => {
    if (!running()) return;
    child.kill(stopSignal);
    const gone = await Promise.race([ended, delay(10_000, 'late', { ref: false })]);
    if (gone !== 'late') return;
    child.kill('SIGKILL');
    await ended;
  };

  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const problem = await Promise.race([ended.then((end) => new Error(end)), ready().catch((error) => error)]);
    if (problem === undefined) return stop;
    if (!running() || Date.now() > deadline) {
      await stop();
      throw new Error(`${command} did not come up: ${problem.message}\n${output.trim()}`);
    }
    await delay(50);
  }
}
