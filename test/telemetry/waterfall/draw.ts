import type { OtlpSpan } from '../otlp.ts';

/** A span, and whose it is. */
export interface Seen {
  readonly span: OtlpSpan;
  readonly process: string;
}

interface Row extends Seen {
  readonly depth: number;
  readonly fromMs: number;
  readonly toMs: number;
}

const ROW = 26;
const HEAD = 92;
const NAMES = 360;
const WIDTH = 1280;
const RIGHT = 24;
const COLOURS = ['#475569', '#0f766e', '#7c3aed', '#b45309'];
const BAD = '#b91c1c';

function escape(text: string): string {
  return text.replace(/[&"<>]/g, (character) => `&#${character.charCodeAt(0)};`);
}

function msOf(nanoseconds: string): number {
  return Number(BigInt(nanoseconds) / 1_000n) / 1_000;
}

/** Children below their parent, each level by time. */
function rowsOf(seen: readonly Seen[]): readonly Row[] {
  const ids = new Set(seen.map(({ span }) => span.spanId));
  const below = (parent: string | undefined): readonly Seen[] =>
    seen
      .filter(({ span: { parentSpanId } }) => (parentSpanId !== undefined && ids.has(parentSpanId) ? parentSpanId : undefined) === parent)
      .toSorted((a, b) => msOf(a.span.startTimeUnixNano) - msOf(b.span.startTimeUnixNano));
  const rows: Row[] = [];
  const add = (parent: string | undefined, depth: number): void => {
    for (const one of below(parent)) {
      rows.push({ ...one, depth, fromMs: msOf(one.span.startTimeUnixNano), toMs: msOf(one.span.endTimeUnixNano) });
      add(one.span.spanId, depth + 1);
    }
  };
  add(undefined, 0);
  return rows;
}

function stepMs(lengthMs: number): number {
  return [10, 20, 50, 100, 200, 500, 1_000, 2_000].find((one) => lengthMs / one <= 10) ?? 5_000;
}

/** The trace as an SVG: a line for each span, a bar as long as it took, an arrow from what it is linked to. */
export function waterfall(seen: readonly Seen[], title: string): string {
  const rows = rowsOf(seen);
  const beginMs = Math.min(...rows.map(({ fromMs }) => fromMs));
  const lengthMs = Math.max(...rows.map(({ toMs }) => toMs)) - beginMs;
  const height = HEAD + rows.length * ROW + 16;
  const x = (ms: number): number => NAMES + ((ms - beginMs) / lengthMs) * (WIDTH - NAMES - RIGHT);
  const middle = (at: number): number => HEAD + at * ROW + ROW / 2;
  const processes = [...new Set(rows.map(({ process }) => process))];
  const colourOf = (process: string): string => COLOURS[processes.indexOf(process) % COLOURS.length]!;
  const parts: string[] = [];
  /** Above the arrows. */
  const labels: string[] = [];
  for (let ms = 0; ms <= lengthMs; ms += stepMs(lengthMs)) {
    const at = x(beginMs + ms).toFixed(1);
    parts.push(`<path d="M${at} ${HEAD - 6}V${height - 10}" stroke="#e2e8f0"/>`);
    parts.push(`<text x="${at}" y="${HEAD - 12}" class="small" text-anchor="middle">${ms} ms</text>`);
  }
  processes.forEach((process, at) => {
    const left = NAMES + at * 220;
    parts.push(`<rect x="${left}" y="22" width="12" height="12" rx="3" fill="${colourOf(process)}"/>`);
    parts.push(`<text x="${left + 18}" y="32" class="small">${escape(process)}</text>`);
  });
  rows.forEach(({ span, process, depth, fromMs, toMs }, at) => {
    const y = middle(at);
    const [left, width] = [x(fromMs), Math.max(3, x(toMs) - x(fromMs))];
    const failed = span.status.code === 2;
    if (at % 2 === 0) parts.push(`<rect x="0" y="${y - ROW / 2}" width="${WIDTH}" height="${ROW}" fill="#94a3b8" opacity="0.08"/>`);
    parts.push(`<rect x="${16 + depth * 16}" y="${y - 4}" width="8" height="8" rx="2" fill="${colourOf(process)}"/>`);
    parts.push(`<text x="${30 + depth * 16}" y="${y + 4}" class="${failed ? 'bad' : 'name'}">${escape(span.name)}</text>`);
    const look = span.name.startsWith('saga ') ? 'opacity="0.4"' : '';
    parts.push(
      `<rect x="${left.toFixed(1)}" y="${y - 7}" width="${width.toFixed(1)}" height="14" rx="3" fill="${failed ? BAD : colourOf(process)}" ${look}/>`,
    );
    const told = `${(toMs - fromMs).toFixed(toMs - fromMs < 10 ? 1 : 0)} ms${failed && span.status.message ? ` · ${span.status.message}` : ''}`;
    const roomRight = WIDTH - RIGHT - (left + width) > told.length * 6.4 + 8;
    labels.push(
      roomRight
        ? `<text x="${left + width + 6}" y="${y + 4}" class="${failed ? 'bad small' : 'small'}">${escape(told)}</text>`
        : `<text x="${left - 6}" y="${y + 4}" class="${failed ? 'bad small' : 'small'}" text-anchor="end">${escape(told)}</text>`,
    );
  });
  rows.forEach(({ span, fromMs }, at) => {
    // Of several the one just before: the others are further back on the same way.
    const from = (span.links ?? []).map(({ spanId }) => rows.findIndex((row) => row.span.spanId === spanId)).filter((row) => row < at);
    const nearest = Math.max(-1, ...from);
    if (nearest >= 0) {
      const [x1, y1, x2, y2] = [x(rows[nearest]!.toMs), middle(nearest), x(fromMs), middle(at)];
      const bend = (y1 + y2) / 2;
      parts.push(
        `<path d="M${x1} ${y1 + 7}C${x1} ${bend} ${x2} ${bend} ${x2} ${y2 - 8}" fill="none" stroke="#64748b" stroke-dasharray="3 3" marker-end="url(#tip)"/>`,
      );
    }
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}">
<style>text{font-family:system-ui,'DejaVu Sans',sans-serif;font-size:13px;fill:#0f172a}.small{font-size:11.5px;fill:#475569}.title{font-size:15px;font-weight:600}.bad{fill:${BAD}}text{paint-order:stroke;stroke:#fff;stroke-width:3px;stroke-linejoin:round}</style>
<defs><marker id="tip" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="6" markerHeight="6" orient="auto"><path d="M0 0L8 4L0 8z" fill="#64748b"/></marker></defs>
<rect width="${WIDTH}" height="${height}" fill="#fff"/>
<text x="16" y="32" class="title">${escape(title)}</text>
<text x="16" y="52" class="small">${rows.length} spans of one trace; dotted: the one before it, which it is linked to</text>
${[...parts, ...labels].join('\n')}
</svg>`;
}
