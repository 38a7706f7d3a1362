import type { Operation } from '../../api/common.ts';
import type { Step, Transaction } from '../../api/transaction.ts';

export const NODE = { width: 180, height: 50 } as const;
const COLUMN_GAP = 46;
const ROW_GAP = 12;
const MARGIN = 20;
const LANE_LABEL = 26;
const LANE_GAP = 24;
/** Room for the gate behind the pivot, or before the confirms. */
const GATE = 56;

export interface Node {
  readonly key: string;
  readonly step: Step;
  readonly op: Operation;
  readonly x: number;
  readonly y: number;
}

/** A line between two columns. */
interface Edge {
  readonly key: string;
  readonly path: string;
  readonly kind: 'forward' | 'undo' | 'turn';
  /** It was gone along. */
  readonly passed: boolean;
}

interface Lane {
  readonly label: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly nodes: readonly Node[];
  readonly edges: readonly Edge[];
  readonly lanes: readonly Lane[];
  /** Where nothing is undone any more. */
  readonly gate: { readonly x: number; readonly y: number; readonly passed: boolean; readonly label: string } | undefined;
}

function columnHeight(rows: number): number {
  return rows * (NODE.height + ROW_GAP) - ROW_GAP;
}

function curve(x1: number, y1: number, x2: number, y2: number): string {
  const middle = (x1 + x2) / 2;
  return y1 === y2 ? `M${x1} ${y1}H${x2}` : `M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`;
}

function arrow(x: number, y: number, to: 'right' | 'left' | 'down'): string {
  if (to === 'down') return `M${x - 4} ${y - 5}L${x} ${y}L${x + 4} ${y - 5}`;
  const back = to === 'right' ? x - 5 : x + 5;
  return `M${back} ${y - 4}L${x} ${y}L${back} ${y + 4}`;
}

const centre = ({ y }: Node): number => y + NODE.height / 2;

/** Lines from every node of a column to every one of the next; where both have several, by way of a point between, so that they stay few. */
function connect(
  from: readonly Node[],
  to: readonly Node[],
  between: { readonly x: number; readonly y: number },
  direction: 'right' | 'left',
): string {
  const out = ({ x }: Node): number => (direction === 'right' ? x + NODE.width : x);
  const into = ({ x }: Node): number => (direction === 'right' ? x : x + NODE.width);
  const heads = to.map((node) => arrow(into(node), centre(node), direction)).join('');
  if (from.length > 1 && to.length > 1) {
    const ins = from.map((node) => curve(out(node), centre(node), between.x, between.y)).join('');
    return ins + to.map((node) => curve(between.x, between.y, into(node), centre(node))).join('') + heads;
  }
  return from.flatMap((a) => to.map((b) => curve(out(a), centre(a), into(b), centre(b)))).join('') + heads;
}

function place(steps: readonly Step[], op: Operation, x: number, lane: Lane): readonly Node[] {
  const top = lane.y + (lane.height - columnHeight(steps.length)) / 2;
  return steps.map((step, row) => ({ key: `${op} ${step.name}`, step, op, x, y: top + row * (NODE.height + ROW_GAP) }));
}

const REACHED = ({ step: { status } }: Node): boolean => status !== 'pending';
const UNDO_BEGUN = ({ step: { status } }: Node): boolean => /^(?:compensat|cancel)/.test(status);

/** From the failed step down to where the undo begins. */
function turnEdge(failed: Node | undefined, undo: readonly (readonly Node[])[], laneMiddle: number): Edge[] {
  if (failed === undefined) return [];
  const begun = undo.flat().filter((node) => UNDO_BEGUN(node) && node.x <= failed.x);
  const first = begun.reduce<Node | undefined>((last, node) => (last === undefined || node.x > last.x ? node : last), undefined);
  if (first === undefined) return [];
  const x = failed.x + NODE.width / 2;
  const bottom = failed.y + NODE.height;
  if (first.x === failed.x)
    return [{ key: 'turn', kind: 'turn', passed: true, path: `M${x} ${bottom}V${first.y}${arrow(x, first.y, 'down')}` }];
  const right = first.x + NODE.width;
  const y = undo.flat().filter((node) => node.x === first.x).length === 1 ? centre(first) : laneMiddle;
  return [
    {
      key: 'turn',
      kind: 'turn',
      passed: true,
      path: `M${x} ${bottom}V${y - 10}Q${x} ${y} ${x - 10} ${y}H${right}${arrow(right, y, 'left')}`,
    },
  ];
}

/** Where each column starts, and how far all of them reach; behind the gate's column there is room for it. */
function columnXs(count: number, gateBehind: number): { readonly xs: readonly number[]; readonly end: number } {
  const xs: number[] = [];
  let x = MARGIN;
  for (let at = 0; at < count; at++) {
    xs.push(x);
    x += NODE.width + COLUMN_GAP + (at === gateBehind ? GATE : 0);
  }
  return { xs, end: x };
}

function forwardEdges(runs: readonly (readonly Node[])[], middle: number): Edge[] {
  return runs.slice(1).map((to, at) => {
    const from = runs[at]!;
    const between = { x: (from[0]!.x + NODE.width + to[0]!.x) / 2, y: middle };
    return { key: `f${at}`, kind: 'forward', passed: to.some(REACHED), path: connect(from, to, between, 'right') };
  });
}

function undoEdges(undos: readonly (readonly Node[])[], middle: number): Edge[] {
  const columns = undos.filter(({ length }) => length > 0);
  return columns.slice(1).map((from, at) => {
    const to = columns[at]!;
    const between = { x: (to[0]!.x + NODE.width + from[0]!.x) / 2, y: middle };
    const passed = from.some(UNDO_BEGUN) && to.some(UNDO_BEGUN);
    return { key: `u${at}`, kind: 'undo', passed, path: connect(from, to, between, 'left') };
  });
}

/** The confirms of a TCC, side by side behind the gate. */
function placeConfirms(steps: readonly Step[], x: number, lane: Lane): { readonly nodes: readonly Node[]; readonly end: number } {
  const rows = Math.max(1, Math.floor((lane.height + ROW_GAP) / (NODE.height + ROW_GAP)));
  const nodes: Node[] = [];
  let end = x;
  for (let at = 0; at < steps.length; at += rows) {
    nodes.push(...place(steps.slice(at, at + rows), 'confirm', end, lane));
    end += NODE.width + COLUMN_GAP;
  }
  return { nodes, end };
}

/** Two lanes, forward above and undo below, a column for each stage; of a TCC the confirms behind the gate. */
export function layoutOf({ kind, stages, steps, turn, verdict }: Transaction): Layout {
  const isTcc = kind === 'tcc';
  const byName = new Map(steps.map((step) => [step.name, step]));
  const columns = stages.map((names) => names.flatMap((name) => byName.get(name) ?? [])).filter(({ length }) => length > 0);
  const undone = columns.map((column) => column.filter(({ hasUndo }) => hasUndo));
  const rows = Math.max(1, ...columns.map(({ length }) => length));
  const undoRows = Math.max(0, ...undone.map(({ length }) => length));
  const pivot = columns.findIndex((column) => column.some((step) => step.kind === 'pivot'));
  const gateBehind = isTcc ? columns.length - 1 : pivot;
  const { xs, end } = columnXs(columns.length, gateBehind);
  const gateX = gateBehind < 0 ? end : xs[gateBehind]! + NODE.width + (GATE + COLUMN_GAP) / 2;

  // Nothing is undone behind the gate: the lane of the undo ends there, as that of the tries does.
  const left = MARGIN / 3;
  const untilGate = (gateBehind < 0 ? end - COLUMN_GAP + MARGIN - left : gateX - 14) - left;
  const forwardY = MARGIN + LANE_LABEL;
  const forwardHeight = columnHeight(rows);
  const whole = end - COLUMN_GAP + MARGIN - 2 * left;
  const forward: Lane = { label: isTcc ? 'Try' : 'Forward', x: left, y: forwardY, width: isTcc ? untilGate : whole, height: forwardHeight };
  const undoY = forwardY + forwardHeight + LANE_GAP + LANE_LABEL;
  const undo: Lane = { label: isTcc ? 'Cancel' : 'Undo', x: left, y: undoY, width: untilGate, height: columnHeight(Math.max(1, undoRows)) };
  const runs = columns.map((column, at) => place(column, 'run', xs[at]!, forward));
  const undos = undone.map((column, at) => place(column, 'compensate', xs[at]!, undo));
  const middle = forwardY + forwardHeight / 2;
  const undoMiddle = undoY + undo.height / 2;
  const bottom = undoRows === 0 ? forwardY + forwardHeight : undoY + undo.height;

  const confirmLane: Lane = { label: 'Confirm', x: gateX + 14, y: forwardY, width: 0, height: bottom - forwardY };
  const confirms = isTcc ? placeConfirms(steps, end, confirmLane) : { nodes: [], end };
  const width = confirms.end - COLUMN_GAP + MARGIN;
  const lanes = [forward, ...(undoRows === 0 ? [] : [undo]), ...(isTcc ? [{ ...confirmLane, width: width - left - confirmLane.x }] : [])];

  const failed = turn?.kind === 'step_failed' ? runs.flat().find(({ step }) => step.name === turn.step) : undefined;
  const pivotStep = columns[pivot]?.find((step) => step.kind === 'pivot');
  return {
    width,
    height: bottom + MARGIN,
    nodes: [...runs.flat(), ...undos.flat(), ...confirms.nodes],
    edges: [...forwardEdges(runs, middle), ...(isTcc ? [] : undoEdges(undos, undoMiddle)), ...turnEdge(failed, undos, undoMiddle)],
    lanes,
    gate:
      gateBehind < 0
        ? undefined
        : {
            x: gateX,
            y: middle,
            passed: isTcc ? verdict === 'confirm' : pivotStep?.status === 'succeeded',
            label: isTcc ? 'verdict' : 'pivot',
          },
  };
}
