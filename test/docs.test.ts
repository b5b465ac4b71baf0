/** The documents name every setting, and their links lead somewhere. */
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { collectDefaultMetrics, Registry } from "prom-client";
import t from "tap";

const ROOT = resolve(import.meta.dirname, "..");
const read = (path: string) => readFileSync(join(ROOT, path), "utf8");

t.test("every environment variable that a schema reads is in the documents", async (t) => {
  const documents = read("README.md") + read("docs/operations/README.md");
  const schemas = globSync("{services,packages}/*/src/**/*.ts", { cwd: ROOT }).filter((path) =>
    /readConfig\(|SERVICE_SETTINGS = /.test(read(path)),
  );
  t.ok(schemas.length >= 4);
  for (const path of schemas) {
    const variables = [...read(path).matchAll(/^ {2}([A-Z][A-Z0-9_]+): /gm)].map((match) => match[1]!);
    t.strictSame(
      variables.filter((name) => !documents.includes(`\`${name}\``)),
      [],
      path,
    );
  }
});

t.test("links between the documents lead somewhere", async (t) => {
  for (const path of globSync(["*.md", "docs/**/*.md", "{packages,services}/*/*.md"], { cwd: ROOT })) {
    const targets = [...read(path).matchAll(/\]\(([^)#\s]+)[^)]*\)/g)].map((match) => match[1]!);
    const local = targets.filter((target) => !/^\w+:/.test(target));
    const broken = local.filter((target) => !existsSync(join(ROOT, dirname(path), target)));
    t.strictSame(broken, [], path);
  }
});

t.test("the rules for Prometheus ask for figures that there are", async (t) => {
  const rules = read("infra/prometheus/alerts.yml");
  const exprs = [...rules.matchAll(/^ +expr: (.+)$/gm)].map((match) => match[1]!);
  t.equal(exprs.length, [...rules.matchAll(/- alert: /g)].length);
  const asked = exprs.join().match(/\b(?:madang|nodejs|process)_\w+/g)!;
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const sources = globSync("services/*/src/metrics.ts", { cwd: ROOT }).map(read).join();
  t.strictSame(
    asked.filter((name) => !sources.includes(`name: "${name}"`) && !registry.getSingleMetric(name)),
    [],
  );
});

t.test("every figure that is to be watched is one that a service has", async (t) => {
  const watched = read("docs/operations/README.md")
    .split("## What to watch")[1]!
    .match(/\bmadang_\w+/g)!;
  t.ok(watched.length >= 6);
  const sources = globSync("services/*/src/metrics.ts", { cwd: ROOT }).map(read).join();
  t.strictSame(
    watched.filter((name) => !sources.includes(`name: "${name}"`)),
    [],
  );
});
