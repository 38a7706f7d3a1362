// One process of a run of alerts: plays the part that its environment names.
import { open, PART_VARIABLE, play, type Part, type Word } from './roles.ts';

const part = JSON.parse(process.env[PART_VARIABLE] ?? '') as Part;
const say = (word: Word): void => {
  if (process.connected) process.send!(word, undefined, undefined, () => undefined);
};

// The runner is gone: nobody needs us.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
const amends = await open(part.place);
await play(amends, part, say);
process.on('SIGTERM', () => void amends.close().then(() => process.exit(0)));
say('ready');
