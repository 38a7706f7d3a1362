import { canInstall, install } from './packages.mjs';
import { run } from './process.mjs';

const BINARIES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

async function pathOf(binary) {
  const path = await run('sh', ['-c', `command -v ${binary}`]).catch(() => '');
  return path.trim() === '' ? undefined : path.trim();
}

/** The browser that the environment names. A variable that is set and leads nowhere is an error: falling back would test something else. */
async function given() {
  const path = process.env.AMENDS_CHROMIUM;
  if (path === undefined || path === '') return undefined;
  try {
    await run(path, ['--version']);
  } catch (error) {
    const advice = 'name the binary of a Chromium or Chrome, or unset it and one is looked for';
    throw new Error(`AMENDS_CHROMIUM is set to ${path}, but that does not run (${error.message.split('\n')[0]}): ${advice}`, {
      cause: error,
    });
  }
  return path;
}

async function local() {
  for (const binary of BINARIES) {
    const path = await pathOf(binary);
    if (path !== undefined) return path;
  }
  return undefined;
}

/** Where this machine has Chromium: what AMENDS_CHROMIUM names, or one on PATH. */
export async function findChromium() {
  return (await given()) ?? (await local());
}

/** The same, installed where we may. Gives the variables that the tests find it by. */
export async function bringUpChromium() {
  let path = await findChromium();
  if (path === undefined && canInstall()) {
    await install(['chromium']);
    path = await local();
  }
  if (path === undefined) {
    throw new Error(
      [
        'The tests of the console need a Chromium, and found no way to have it. Any one of these is enough:',
        `  - install one, on PATH as ${BINARIES.join(' or ')}`,
        '  - set AMENDS_CHROMIUM to the path of a Chromium or Chrome (AMENDS_CHROMIUM=/opt/chrome/chrome)',
        '  - on Debian, run as root once: the package is then installed with apt-get',
      ].join('\n'),
    );
  }
  console.log(`Chromium: ${path}`);
  return { AMENDS_CHROMIUM: path };
}
