/** The documents agree with the code: settings, tables, links, metrics and alerts. */
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { collectDefaultMetrics, Registry } from "prom-client";
import t from "tap";
import { generate, REFERENCE } from "../docs/generate.ts";

const ROOT = resolve(import.meta.dirname, "..");
const read = (path: string) => readFileSync(join(ROOT, path), "utf8");
const documents = globSync(["*.md", "docs/**/*.md", "{packages,services}/*/*.md"], { cwd: ROOT });

/** The formatter pads the cells of a table. */
const unpadded = (text: string) => text.replace(/ +/g, " ").replace(/-{3,}/g, "---");

t.test("the tables of the reference are those that the schemas give (npm run docs)", async (t) => {
  t.ok(REFERENCE.length >= 5);
  for (const path of REFERENCE) {
    const text = readFileSync(path, "utf8");
    t.equal(unpadded(text), unpadded(generate(text)), path);
  }
});

t.test("the protocol has a table for every frame and every event", async (t) => {
  const reference = read("docs/reference/protocol.md");
  const schemas = globSync("packages/protocol/src/{frames,events}/*.ts", { cwd: ROOT }).flatMap((path) =>
    [...read(path).matchAll(/^export const (\w+(?:Frame|Notice|Event)) = Type\.Object/gm)].map((match) => match[1]!),
  );
  t.ok(schemas.length >= 19);
  t.strictSame(
    schemas.filter((name) => !reference.includes(`<!-- generated: fields ${name} -->`)),
    [],
  );
});

t.test("every environment variable that a schema reads is in the documents", async (t) => {
  const configuration = read("docs/reference/configuration.md");
  const schemas = globSync("{services,packages}/*/src/**/*.ts", { cwd: ROOT }).filter((path) =>
    /readConfig\(|SERVICE_SETTINGS = /.test(read(path)),
  );
  t.ok(schemas.length >= 4);
  for (const path of schemas) {
    const variables = [...read(path).matchAll(/^ {2}([A-Z][A-Z0-9_]+): /gm)].map((match) => match[1]!);
    t.strictSame(
      variables.filter((name) => !configuration.includes(`\`${name}\``)),
      [],
      path,
    );
  }
});

/** The anchors that a Markdown viewer makes of a document's headings. */
function anchorsOf(path: string): Set<string> {
  const headings = [...readFileSync(path, "utf8").matchAll(/^#+ (.+)$/gm)].map((match) => match[1]!);
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, "")
        .replaceAll(" ", "-"),
    ),
  );
}

t.test("links between the documents lead somewhere", async (t) => {
  for (const path of documents) {
    const targets = [...read(path).matchAll(/\]\(([^)\s]+)[^)]*\)/g)].map((match) => match[1]!);
    const broken = targets.filter((target) => {
      if (/^\w+:/.test(target)) return false;
      const [file = "", anchor] = target.split("#");
      const linked = file === "" ? join(ROOT, path) : join(ROOT, dirname(path), file);
      return !existsSync(linked) || (anchor !== undefined && !anchorsOf(linked).has(anchor));
    });
    t.strictSame(broken, [], path);
  }
});

t.test("files and folders that the documents name exist", async (t) => {
  for (const path of documents.filter((path) => !path.startsWith("docs/lab/"))) {
    const named = [...read(path).matchAll(/`((?:services|packages|infra|test|docs)\/[\w./-]+)`/g)].map(
      (match) => match[1]!,
    );
    t.strictSame(
      // infra/make-secrets.sh creates the secrets.
      named.filter((name) => name !== "infra/secrets" && !existsSync(join(ROOT, name))),
      [],
      path,
    );
  }
});

t.test("the rules for Prometheus ask for metrics that exist", async (t) => {
  const rules = read("infra/prometheus/alerts.yml");
  const exprs = [...rules.matchAll(/^ +expr: (.+)$/gm)].map((match) => match[1]!);
  t.equal(exprs.length, [...rules.matchAll(/- alert: /g)].length);
  const asked = exprs.join().match(/\b(?:madang|nodejs|process)_\w+/g)!;
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const metrics = read("docs/reference/metrics.md");
  t.strictSame(
    asked.filter((name) => !metrics.includes(`\`${name}\``) && !registry.getSingleMetric(name)),
    [],
  );
});

t.test("every alert has a runbook, and a summary", async (t) => {
  const alerts = read("infra/prometheus/alerts.yml")
    .split(/^ +- alert: /m)
    .slice(1);
  t.ok(alerts.length >= 8);
  for (const alert of alerts) {
    const [file = "", anchor = ""] = (/runbook_url: (\S+)/.exec(alert)?.[1] ?? "").split("#");
    t.ok(existsSync(join(ROOT, file)) && anchorsOf(join(ROOT, file)).has(anchor), alert.split("\n")[0]!);
    t.match(alert, /summary: "/);
  }
});

const MAX_CELL_CHARACTERS = 120;

t.test(`no cell of a table has more than ${MAX_CELL_CHARACTERS} characters`, async (t) => {
  for (const path of documents.filter((path) => !path.startsWith("docs/lab/"))) {
    const rows = read(path)
      .split("\n")
      .filter((line) => /^\|(?! -)/.test(line));
    t.strictSame(
      rows.filter((row) => row.split("|").some((cell) => cell.trim().length > MAX_CELL_CHARACTERS)),
      [],
      path,
    );
  }
});
