import type { AuditReport } from '../../../examples/order/audit.ts';
import { statusLabel, unpainted, type Paint } from '../paint.ts';
import { excerpt, printable } from '../../operations/printable.ts';
import type { Reasons, Tally } from './tally.ts';

export interface DemoReport {
  readonly store: string;
  readonly namespace: string;
  readonly tally: Tally;
  readonly audit: AuditReport;
  /** One saga that was undone. */
  readonly timeline: string | undefined;
  /** To open the store and the three services, in milliseconds. */
  readonly openMs: number;
  /** From the first order to the last outcome, in milliseconds. */
  readonly ms: number;
}

/** What programs read: one JSON object. */
export function demoVerdict({ store, tally, audit, ms }: DemoReport): Readonly<Record<string, string | number | boolean>> {
  const { started, rejections: rejected, completed, compensations: compensated, stuck } = tally;
  return { store, started, rejected, completed, compensated, stuck: stuck.length, netZero: audit.netZero, ms };
}

const LONGEST_REASON = 100;
const MOST_LINES = 10;
const LABEL_WIDTH = 24;

function reasonLines(reasons: Reasons, indent: number): string[] {
  const sorted = [...reasons].sort(([, a], [, b]) => b - a);
  const lines = sorted
    .slice(0, MOST_LINES)
    .map(([reason, times]) => `${String(times).padStart(indent)} × ${excerpt(reason, LONGEST_REASON)}`);
  return sorted.length > MOST_LINES ? [...lines, `${' '.repeat(indent)}   and ${sorted.length - MOST_LINES} more reasons`] : lines;
}

function countLine(label: string, shown: string, amount: number): string {
  return `  ${shown}${' '.repeat(Math.max(1, LABEL_WIDTH - label.length))}${String(amount).padStart(6)}`;
}

function counts({ tally }: DemoReport, paint: Paint): string[] {
  const { started, rejections, rejected, completed, compensations, compensated, stuck } = tally;
  const total = (reasons: Reasons): number => [...reasons.values()].reduce((sum, times) => sum + times, 0);
  const status = (name: 'completed' | 'compensated' | 'stuck', amount: number): string =>
    countLine(statusLabel(name), amount === 0 ? statusLabel(name) : statusLabel(name, paint), amount);
  return [
    countLine('orders', 'orders', started + rejections),
    countLine('rejected by the schema', 'rejected by the schema', rejections),
    ...reasonLines(rejected, 10),
    countLine('started', 'started', started),
    status('completed', completed),
    status('compensated', compensations),
    ...[...compensated].flatMap(([step, reasons]) => [`      ${printable(step)} failed: ${total(reasons)}`, ...reasonLines(reasons, 10)]),
    status('stuck', stuck.length),
    ...stuck.slice(0, MOST_LINES).map((id) => `      ${printable(id)}`),
  ];
}

const IN_FORCE = { orders: 'open orders', inventory: 'units reserved', payments: 'cents charged' } as const;

function auditLines({ perService, netZero, problems }: AuditReport, paint: Paint): string[] {
  const rows = (Object.keys(IN_FORCE) as (keyof typeof IN_FORCE)[]).map((service) => {
    const { effects, undone, empty, inForce } = perService[service];
    const nothing = empty === 0 ? '' : `, ${empty} had nothing to undo`;
    return `  ${service.padEnd(10)} ${String(effects).padStart(5)} effects, ${String(undone).padStart(4)} undone${nothing}; in force: ${inForce} ${IN_FORCE[service]}`;
  });
  const more = problems.length > MOST_LINES ? [`  … and ${problems.length - MOST_LINES} more`] : [];
  const verdict = netZero
    ? paint('good', '  ✔ net zero: all of every completed order is there, and nothing of any other')
    : paint('bad', `  ✖ not net zero: ${problems.length} problems`);
  return [...rows, verdict, ...problems.slice(0, MOST_LINES).map((problem) => `    ${printable(problem)}`), ...more];
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

/** The run as a person reads it. Pure. */
export function renderDemo(report: DemoReport, paint: Paint = unpainted): string {
  const { store, namespace, tally, timeline, audit, openMs, ms } = report;
  const rate = ms === 0 ? 0 : (tally.started * 1000) / ms;
  return [
    paint('strong', `Orders on the ${store} store, namespace ${namespace}`),
    ...counts(report, paint),
    ...(timeline === undefined ? [] : ['', paint('strong', 'One that was undone'), timeline]),
    '',
    paint('strong', 'Audit of what the three services recorded'),
    ...auditLines(audit, paint),
    '',
    `${tally.started} sagas in ${seconds(ms)}: ${rate.toFixed(rate < 10 ? 1 : 0)} a second, after ${seconds(openMs)} to start.`,
  ].join('\n');
}
