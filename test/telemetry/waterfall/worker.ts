// The worker of one service, in a process of its own: what it does goes to a collector.
import { pino } from 'pino';
import { connect } from '../../../src/amends.ts';
import { exportSpansTo } from '../otlp.ts';
import { CODE, orderSaga } from './shop.ts';

const [service = '', url = '', spansUrl = ''] = process.argv.slice(2);
process.on('disconnect', () => process.exit(0));
exportSpansTo(spansUrl);
const amends = await connect(url, { logger: pino({ level: 'silent' }) });
await amends.worker({ sagas: [orderSaga], implementations: CODE[service]! }).run();
process.send!('ready');
