/** Line and bar charts as SVG, legible on light and dark pages. */

const WIDTH = 720;
const HEIGHT = 380;
const AREA = { left: 76, right: 24, top: 56, bottom: 74 };
const COLOURS = ["#2563eb", "#ea580c", "#059669", "#9333ea", "#dc2626", "#0891b2", "#a16207", "#475569"];
const LEGEND_ROW = 20;
const STYLE =
  "text{font:13px system-ui,sans-serif;fill:#334155}.title{font-size:16px;font-weight:600;fill:#0f172a}" +
  ".small{font-size:12px;fill:#64748b}";

export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface LineChart {
  readonly title: string;
  readonly x: string;
  readonly y: string;
  readonly series: readonly Series[];
}

/** A line chart with two logarithmic axes: a straight line is a power law, and a bend is a change of behaviour. */
export function lineChart({ title, x, y, series }: LineChart): string {
  const points = series.flatMap((one) => one.points);
  const toX = logScale(
    points.map((point) => point[0]),
    AREA.left,
    WIDTH - AREA.right,
  );
  const toY = logScale(
    points.map((point) => point[1]),
    HEIGHT - AREA.bottom,
    AREA.top,
  );
  const steps = [...new Set(points.map((point) => point[0]))].sort((a, b) => a - b);
  const grid = [
    ...toY.ticks.map((value) => {
      const at = toY.place(value);
      return line(AREA.left, at, WIDTH - AREA.right, at) + text(AREA.left - 8, at + 4, short(value), "end", "small");
    }),
    ...spread(steps, toX.place).map((value) =>
      text(toX.place(value), HEIGHT - AREA.bottom + 18, short(value), "middle", "small"),
    ),
  ];
  const lines = series.map((one, i) => {
    const path = one.points.map(([px, py]) => `${round(toX.place(px))},${round(toY.place(py))}`);
    const dots = path.map(
      (at) => `<circle cx="${at.split(",")[0]}" cy="${at.split(",")[1]}" r="3.5" fill="${colour(i)}"/>`,
    );
    return `<polyline points="${path.join(" ")}" fill="none" stroke="${colour(i)}" stroke-width="2.25"/>${dots.join("")}`;
  });
  const middleX = (AREA.left + WIDTH - AREA.right) / 2;
  const middleY = (AREA.top + HEIGHT - AREA.bottom) / 2;
  const key = legend(
    series.map(({ name }) => name),
    HEIGHT - 14,
  );
  return page(title, key.bottom + 14, [
    ...grid,
    ...lines,
    text(middleX, HEIGHT - AREA.bottom + 38, x, "middle", "small"),
    `<g transform="translate(18 ${middleY}) rotate(-90)">${text(0, 0, y, "middle", "small")}</g>`,
    key.svg,
  ]);
}

export interface BarChart {
  readonly title: string;
  /** Each group has one value per name, in the order of `names`; undefined where none was measured. */
  readonly groups: readonly { readonly label: string; readonly values: readonly (number | undefined)[] }[];
  readonly names: readonly string[];
}

const BAR = 18;
const GROUP_GAP = 18;
const LABEL_WIDTH = 120;
const VALUE_WIDTH = 64;

/** Horizontal bars. The longest bar of each group has the full width, because groups differ in unit and size. */
export function barChart({ title, groups, names }: BarChart): string {
  const full = WIDTH - LABEL_WIDTH - VALUE_WIDTH - AREA.right;
  const parts: string[] = [];
  let y = AREA.top;
  for (const { label, values } of groups) {
    const most = Math.max(...values.filter((value) => value !== undefined), Number.MIN_VALUE);
    parts.push(text(LABEL_WIDTH - 12, y + BAR - 5, label, "end"));
    for (const [i, value] of values.entries()) {
      if (value === undefined) continue;
      const width = Math.max(2, (value / most) * full);
      parts.push(
        `<rect x="${LABEL_WIDTH}" y="${y}" width="${round(width)}" height="${BAR - 4}" rx="2" fill="${colour(i)}"/>`,
        text(LABEL_WIDTH + width + 6, y + BAR - 7, short(value), "start", "small"),
      );
      y += BAR;
    }
    y += GROUP_GAP;
  }
  const key = legend(names, y + 16);
  return page(title, key.bottom + 18, [...parts, key.svg]);
}

function logScale(values: readonly number[], from: number, to: number) {
  const positive = values.filter((value) => value > 0);
  const low = Math.floor(Math.log10(Math.min(...positive, 1e9)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...positive, 1e-9))));
  const place = (value: number) => from + ((Math.log10(Math.max(value, 10 ** low)) - low) / (high - low)) * (to - from);
  return { place, ticks: Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i)) };
}

/** Selects values so that their labels do not overlap. */
function spread(values: readonly number[], place: (value: number) => number): number[] {
  const kept: number[] = [];
  for (const value of values) if (!kept.length || place(value) - place(kept.at(-1)!) > 40) kept.push(value);
  return kept;
}

function page(title: string, height: number, parts: readonly string[]): string {
  const size = `width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}"`;
  const background = `<rect width="100%" height="100%" rx="8" fill="#ffffff"/>`;
  const heading = text(24, 30, title, "start", "title");
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img"><title>${escaped(title)}</title><style>${STYLE}</style>${background}${heading}${parts.join("")}</svg>\n`;
}

/** Wraps into further rows; the first one is at `y`. */
function legend(names: readonly string[], y: number): { readonly svg: string; readonly bottom: number } {
  let x = 24;
  let row = y;
  const entries = names.map((name, i) => {
    const width = 17 + name.length * 7 + 20;
    if (x > 24 && x + width > WIDTH) {
      x = 24;
      row += LEGEND_ROW;
    }
    const mark = `<rect x="${x}" y="${row - 10}" width="11" height="11" rx="2" fill="${colour(i)}"/>`;
    const entry = mark + text(x + 17, row, name, "start");
    x += width;
    return entry;
  });
  return { svg: entries.join(""), bottom: row };
}

function text(x: number, y: number, content: string, anchor: "start" | "middle" | "end", kind = ""): string {
  return `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}"${kind && ` class="${kind}"`}>${escaped(content)}</text>`;
}

function line(x1: number, y1: number, x2: number, y2: number): string {
  return `<line x1="${x1}" y1="${round(y1)}" x2="${x2}" y2="${round(y2)}" stroke="#e2e8f0"/>`;
}

const colour = (i: number) => COLOURS[i % COLOURS.length]!;
const round = (value: number) => Math.round(value * 10) / 10;
const escaped = (value: string) => value.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

/** At most three digits, with k and M. */
export function short(value: number): string {
  const [divisor, unit] = value >= 1e6 ? [1e6, "M"] : value >= 1e4 ? [1e3, "k"] : [1, ""];
  return `${Number((value / divisor).toPrecision(3))}${unit}`;
}
