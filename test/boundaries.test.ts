/** The structure of the code: which imports are allowed, and what no file may contain. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";

const ROOT = resolve(import.meta.dirname, "..");
const MAX_LINES = 400;
const SERVICES = ["@madang/edge", "@madang/persistence"];

/**
 * The folders of a workspace's `src/` in groups, the highest group first. A file may import from its own folder and
 * from the folders of any lower group. Files directly in `src/` are above all groups.
 */
const LAYERS: Readonly<Record<string, readonly (readonly string[])[]>> = {
  "services/edge": [["http", "web"], ["session"], ["rooms"], ["access", "arrival", "history", "socket"], ["queues"]],
  "services/persistence": [
    ["http", "admin"],
    ["history", "moderation", "projection"],
    ["recovery", "mongo"],
    ["store"],
  ],
};

/** Each machine chooses its own package registry in its settings, so the project names none. */
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
  /** For example "packages/broker" or "services/edge". */
  readonly workspace: string;
  /** Import specifiers as written, type-only imports included. */
  readonly imports: readonly string[];
  /** The files of this repository that it imports. */
  readonly targets: readonly string[];
}

const IMPORT = /(?:\bfrom|\bimport)\s*\(?\s*"([^"]+)"/g;

const sources: Source[] = files
  .filter((file) => file.endsWith(".ts"))
  .map((file) => {
    const text = readFileSync(join(ROOT, file), "utf8");
    const imports = [...text.matchAll(IMPORT)].map((match) => match[1]!);
    const targets = imports.flatMap((specifier) => targetOf(file, specifier) ?? []);
    const isTest = /(^|\/)test\//.test(file);
    return { file, text, isTest, workspace: workspaceOf(file), imports, targets };
  });

function targetOf(file: string, specifier: string): string | undefined {
  if (specifier.startsWith(".")) return relative(ROOT, resolve(ROOT, dirname(file), specifier));
  const isPackage = specifier.startsWith("@madang/") && !SERVICES.includes(specifier);
  return isPackage ? relative(ROOT, fileURLToPath(import.meta.resolve(specifier))) : undefined;
}

function workspaceOf(file: string): string {
  return file.split("/").slice(0, 2).join("/");
}

const named = (source: Source, name: string) => source.imports.filter((i) => i === name || i.startsWith(`${name}/`));

/** The files that break a rule. */
const offenders = (breaks: (source: Source) => boolean) => sources.filter(breaks).map(({ file }) => file);

t.ok(sources.length > 50, "the sources are found");

t.same(
  offenders((s) => SERVICES.some((name) => named(s, name).length > 0)),
  [],
  "no file imports a service",
);
t.same(
  offenders((s) => !s.isTest && s.workspace !== "packages/test-kit" && named(s, "@madang/test-kit").length > 0),
  [],
  "only tests import the test kit",
);
t.same(
  offenders((s) => {
    const paths = s.imports.filter((i) => i.startsWith(".")).map((i) => targetOf(s.file, i)!);
    const others = paths.map(workspaceOf).filter((target) => target !== s.workspace);
    // A test may import from a package, but not from another service. Files in test/ and docs/ may import from anywhere.
    return !/^(test|docs)\//.test(s.file) && others.some((target) => !s.isTest || target.startsWith("services/"));
  }),
  [],
  "a relative import stays in its workspace",
);

/** The sources that import each other in a circle, and those between two such circles. */
function cyclic(): string[] {
  const graph = new Map(
    sources.filter(({ file }) => /^(packages|services)\/[^/]+\/src\//.test(file)).map((s) => [s.file, s.targets]),
  );
  for (let size = -1; size !== graph.size; ) {
    size = graph.size;
    const imported = new Set([...graph.values()].flat());
    for (const [file, targets] of graph) {
      if (!imported.has(file) || !targets.some((target) => graph.has(target))) graph.delete(file);
    }
  }
  return [...graph.keys()];
}

t.same(cyclic(), [], "no import cycles, type-only imports included");

/** Imports of a layered workspace that do not go to the own folder or to a lower group. */
function climbing(workspace: string, groups: readonly (readonly string[])[]): string[] {
  const folderOf = (file: string) => /^src\/([^/]+)\//.exec(relative(workspace, file))?.[1] ?? "";
  const rankOf = (folder: string) => groups.findIndex((group) => group.includes(folder));
  return sources
    .filter((source) => source.file.startsWith(`${workspace}/src/`))
    .flatMap(({ file, targets }) => {
      const folder = folderOf(file);
      if (folder !== "" && rankOf(folder) < 0) return [`${file}: LAYERS does not name its folder`];
      return targets
        .filter((target) => workspaceOf(target) === workspace && folderOf(target) !== folder)
        .filter((target) => rankOf(folderOf(target)) <= rankOf(folder))
        .map((target) => `${file} imports ${target}`);
    });
}

for (const [workspace, groups] of Object.entries(LAYERS)) {
  t.same(climbing(workspace, groups), [], `${workspace}: imports go to the own folder or to a lower group`);
}

t.same(
  offenders(
    (s) => s.file.startsWith("packages/client/src/") && s.imports.some((i) => !/^(\.|@madang\/protocol)/.test(i)),
  ),
  [],
  "the client imports only the protocol",
);
t.same(
  offenders((s) => s.workspace === "packages/protocol" && !s.isTest && s.imports.some((i) => i.startsWith("@madang/"))),
  [],
  "the protocol imports no other package of Madang",
);
const NATS_USERS = ["packages/broker", "packages/chaos", "packages/bench", "packages/test-kit"];
t.same(
  offenders((s) => !s.isTest && !NATS_USERS.includes(s.workspace) && s.imports.some((i) => i.startsWith("@nats-io/"))),
  [],
  "only the broker, chaos, bench and test-kit packages import the NATS library",
);
const MONGO_USERS =
  /^(services\/persistence\/src\/mongo\/[\w-]+|packages\/local-stack\/src\/mongo-admin|packages\/(chaos|bench)\/.*)\.ts$/;
t.same(
  offenders((s) => !s.isTest && !MONGO_USERS.test(s.file) && named(s, "mongodb").length > 0),
  [],
  "in the persistence service only mongo/ imports the MongoDB driver",
);
const MONGO = "services/persistence/src/mongo/";
const MONGO_OPENERS = ["services/persistence/src/main.ts", "services/persistence/src/admin-cli.ts"];
t.same(
  offenders(
    (s) =>
      !s.isTest &&
      !s.file.startsWith(MONGO) &&
      !MONGO_OPENERS.includes(s.file) &&
      s.targets.some((i) => i.startsWith(MONGO)),
  ),
  [],
  "only main and admin-cli of the persistence service import mongo/",
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
  "no file names a package registry's host",
);
