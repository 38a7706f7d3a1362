#!/usr/bin/env node
import { EXIT } from './exit-codes.ts';
import { reportFault } from './faults.ts';
import { flush } from './output.ts';
import { createProgram } from './program.ts';

// Who reads us may stop reading (amends list | head): that is no fault.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? EXIT.ok : EXIT.fault));
}

try {
  await createProgram().parseAsync();
} catch (error) {
  process.exitCode = reportFault(error);
}
await flush();
process.exit();
