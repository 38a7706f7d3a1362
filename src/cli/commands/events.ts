import type { Command } from 'commander';
import { addDump } from './events/dump.ts';
import { addEnds } from './events/end.ts';
import { addForget } from './events/forget.ts';
import { addLog } from './events/log.ts';
import { addRead } from './events/read.ts';
import { addRestore } from './events/restore.ts';

export function addEvents(program: Command): void {
  const events = program
    .command('events')
    .summary('look at events, dump and restore them, end streams')
    .description('Looks at the events of the event store, dumps and restores them, and ends streams.')
    .addHelpText('after', '\nExamples:\n  amends events log\n  amends help events\n  amends events dump --help');
  for (const add of [addRead, addLog, addDump, addRestore, addEnds, addForget]) add(events);
}
