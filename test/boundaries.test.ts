/** Who may import whom, and what no file may contain. What is said here need not be looked for in reviews. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import t from "tap";

const ROOT = resolve(import.meta.dirname, "..");
const MAX_LINES = 400;
const SERVICES = ["@madang/edge", "@madang/persistence"];
/** Registries differ from place to place: which one is used is the business of a machine's settings, not of the project. */
const REGISTRY_HOSTS = [
  ["registry", "npmjs", "org"],
  ["registry", "yarnpkg", "com"],
  ["pypi", "org"],
  ["pythonhosted", "org"],
  ["proxy", "golang", "org"],
].map((labels) => labels.join("."));

const NOT_OURS = new Set(["node_modules", ".git", ".tap", ".data", ".cache", "dist"]);

function filesIn(dir: string): string[] {
  return readdirSync(join(ROOT, dir), { withFileTypes: true }).flatMap((entry) => {
    const path = join(dir, entry.name);
    if (NOT_OURS.has(entry.name)) return [];
    return entry.isDirectory() ? filesIn(path) : [path];
  });
}

const files = filesIn(".");

interface Source {
  readonly file: string;
  readonly text: string;
  readonly isTest: boolean;
  /** "packages/broker", "services/edge". */
  readonly workspace: string;
  readonly imports: readonly string[];
}

const IMPORT = /(?:\bfrom|\bimport)\s*\(?\s*"([^"]+)"/g;

const sources: Source[] = files
  .filter((file) => file.endsWith(".ts"))
  .map((file) => {
    const text = readFileSync(join(ROOT, file), "utf8");
    const imports = [...text.matchAll(IMPORT)].map((match) => match[1]!);
    const isTest = /(^|\/)test\//.test(file);
    return { file, text, isTest, workspace: file.split("/").slice(0, 2).join("/"), imports };
  });

const named = (source: Source, name: string) => source.imports.filter((i) => i === name || i.startsWith(`${name}/`));

/** Where a relative import leads, as a workspace. */
const reaches = (source: Source) =>
  source.imports
    .filter((i) => i.startsWith("."))
    .map((i) =>
      relative(ROOT, resolve(ROOT, dirname(source.file), i))
        .split("/")
        .slice(0, 2)
        .join("/"),
    );

/** Files that break a rule, to be shown when there are any. */
const offenders = (breaks: (source: Source) => boolean) => sources.filter(breaks).map(({ file }) => file);

t.ok(sources.length > 50, "the sources are found");

t.same(
  offenders((s) => SERVICES.some((name) => named(s, name).length > 0)),
  [],
  "nobody imports a service",
);
t.same(
  offenders((s) => {
    const others = reaches(s).filter((target) => target !== s.workspace);
    // A test may look into a package, never into a service that is not its own; those in test/ may look everywhere.
    return !s.file.startsWith("test/") && others.some((target) => !s.isTest || target.startsWith("services/"));
  }),
  [],
  "a relative import stays in its workspace",
);
t.same(
  offenders(
    (s) => s.file.startsWith("packages/client/src/") && s.imports.some((i) => !/^(\.|@madang\/protocol)/.test(i)),
  ),
  [],
  "the client imports the protocol only",
);
t.same(
  offenders((s) => s.workspace === "packages/protocol" && !s.isTest && s.imports.some((i) => i.startsWith("@madang/"))),
  [],
  "the protocol imports nothing of ours",
);
const NATS_USERS = ["packages/broker", "packages/chaos", "packages/bench"];
t.same(
  offenders((s) => !s.isTest && !NATS_USERS.includes(s.workspace) && s.imports.some((i) => i.startsWith("@nats-io/"))),
  [],
  "NATS is spoken in the broker only",
);
const MONGO_USERS =
  /^(services\/persistence\/src\/mongo\/[\w-]+|packages\/local-stack\/src\/mongo-admin|packages\/(chaos|bench)\/.*)\.ts$/;
t.same(
  offenders((s) => !s.isTest && !MONGO_USERS.test(s.file) && named(s, "mongodb").length > 0),
  [],
  "only the folder mongo of the persistence service speaks MongoDB",
);
t.same(
  offenders((s) => s.text.split("\n").length > MAX_LINES + 1),
  [],
  `no source has more than ${MAX_LINES} lines`,
);
t.same(
  files.filter((file) => {
    const text = readFileSync(join(ROOT, file), "latin1");
    return REGISTRY_HOSTS.some((host) => text.includes(host));
  }),
  [],
  "no file names a registry's host",
);
