/**
 * Writes the tables of docs/reference from the schemas and the closed tables of the code: `npm run docs`.
 * A table stands between `<!-- generated: <kind> <name> -->` and `<!-- end -->`; test/docs.test.ts checks that it is up to date.
 */
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AuthEnvironment } from "../packages/auth/src/index.ts";
import { StackEnvironment } from "../packages/local-stack/src/settings.ts";
import * as protocol from "../packages/protocol/src/index.ts";
import { SERVICE_SETTINGS } from "../packages/runtime/src/index.ts";
import { LIMIT_DEFAULTS, LimitsEnvironment } from "../services/edge/src/access/limits.ts";
import { EDGE_SETTINGS } from "../services/edge/src/config.ts";
import { edgeMetrics } from "../services/edge/src/metrics.ts";
import { PERSISTENCE_SETTINGS } from "../services/persistence/src/config.ts";
import { persistenceMetrics } from "../services/persistence/src/metrics.ts";

/** As much of a JSON schema as a table shows. */
interface Schema {
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly maxItems?: number;
  readonly default?: unknown;
  readonly description?: string;
}

/** A longer list of choices stands elsewhere, in a table of its own. */
const MAX_CHOICES = 8;

const code = (value: unknown) => `\`${typeof value === "string" ? value : JSON.stringify(value)}\``;

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(header), line(header.map(() => "---")), ...rows.map(line)].join("\n");
}

function range(min: number | undefined, max: number | undefined, unit = ""): string {
  const bounded = max !== undefined && max !== Number.MAX_SAFE_INTEGER;
  if (min !== undefined && bounded) return `, ${min} to ${max}${unit}`;
  if (bounded) return `, at most ${max}${unit}`;
  return min === undefined ? "" : `, at least ${min}${unit}`;
}

function choices(schema: Schema): readonly unknown[] | undefined {
  if (schema.const !== undefined) return [schema.const];
  if (schema.enum) return schema.enum;
  return schema.anyOf?.every((choice) => choice.const !== undefined)
    ? schema.anyOf.map((choice) => choice.const)
    : undefined;
}

function typeOf(schema: Schema): string {
  const listed = choices(schema);
  if (listed && listed.length <= MAX_CHOICES) return listed.map((choice) => `\`${JSON.stringify(choice)}\``).join(", ");
  if (listed) return "string";
  if (schema.type === "array") return `array of ${schema.items?.type}s${range(undefined, schema.maxItems)}`;
  if (schema.type === "string") return `string${range(schema.minLength, schema.maxLength, " characters")}`;
  return `${schema.type}${range(schema.minimum, schema.maximum)}`;
}

/** The rows of an object's fields, and of the fields of the objects in it. */
function fieldRows(schema: Schema, path = ""): string[][] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const required = schema.required?.includes(name) ? "yes" : "no";
    const row = [code(path + name), typeOf(field), required, field.description ?? ""];
    if (field.type === "object") return [row, ...fieldRows(field, `${path}${name}.`)];
    if (field.items?.type === "object") return [row, ...fieldRows(field.items, `${path}${name}[].`)];
    return [row];
  });
}

const SETTINGS: Readonly<Record<string, Readonly<Record<string, Schema>>>> = {
  shared: SERVICE_SETTINGS as never,
  auth: AuthEnvironment.properties as never,
  edge: withoutShared(EDGE_SETTINGS[0]?.properties as never),
  limits: LimitsEnvironment.properties as never,
  persistence: withoutShared(PERSISTENCE_SETTINGS[0]?.properties as never),
  start: StackEnvironment.properties as never,
};

function withoutShared(settings: Readonly<Record<string, Schema>>): Readonly<Record<string, Schema>> {
  return Object.fromEntries(Object.entries(settings).filter(([name]) => !(name in SERVICE_SETTINGS)));
}

function defaultOf(name: string, setting: Schema): string {
  const value = (LIMIT_DEFAULTS as Readonly<Record<string, unknown>>)[name] ?? setting.default;
  return value === "" || value === undefined ? "" : code(value);
}

function valuesOf(setting: Schema): string {
  const listed = choices(setting);
  if (listed) return listed.map((choice) => `\`${choice}\``).join(", ");
  if (setting.type === "boolean") return "`true`, `false`";
  return setting.type === "integer" ? `integer${range(setting.minimum, setting.maximum)}` : "text";
}

const KINDS: Readonly<Record<string, (name: string) => string>> = {
  fields(name) {
    const schema = (protocol as Readonly<Record<string, unknown>>)[name] as Schema | undefined;
    if (!schema?.properties) throw new Error(`packages/protocol exports no object schema ${name}`);
    return table(["field", "type", "required", "description"], fieldRows(schema));
  },
  errors: () =>
    table(
      ["code", "HTTP", "temporary", "text"],
      Object.entries(protocol.ERRORS).map(([name, { status, temporary, message }]) => [
        code(name),
        String(status),
        temporary ? "yes" : "no",
        message,
      ]),
    ),
  closes: () =>
    table(
      ["code", "reason", "connect again"],
      Object.values(protocol.CLOSE_CODES).map(({ code, reason }) => [
        String(code),
        reason,
        protocol.shouldReconnect(code) ? "yes" : "no",
      ]),
    ),
  settings(group) {
    const settings = SETTINGS[group];
    if (!settings) throw new Error(`there is no group of settings ${group}`);
    return table(
      ["variable", "default", "values", "meaning"],
      Object.entries(settings).map(([name, setting]) => [
        code(name),
        defaultOf(name, setting),
        valuesOf(setting),
        setting.description ?? "",
      ]),
    );
  },
  metrics(service) {
    // The sources read their values when Prometheus asks, so names and descriptions need no service.
    const sources = service === "edge" ? edgeMetrics({ services: {} } as never) : persistenceMetrics({} as never);
    return table(
      ["metric", "type", "meaning"],
      sources.map(({ name, help }) => [code(name), name.endsWith("_total") ? "counter" : "gauge", help]),
    );
  },
};

/** A document with its tables made anew. @throws for a kind or a schema that does not exist */
export function generate(document: string): string {
  return document.replace(
    /(<!-- generated: (\w+) ?(\w*) -->\n).*?(<!-- end -->)/gs,
    (_all, begin: string, kind: string, name: string, end: string) => {
      const make = KINDS[kind];
      if (!make) throw new Error(`there is no table of the kind ${kind}`);
      return `${begin}\n${make(name)}\n\n${end}`;
    },
  );
}

export const REFERENCE = globSync("docs/reference/*.md", { cwd: join(import.meta.dirname, "..") }).map((path) =>
  join(import.meta.dirname, "..", path),
);

if (import.meta.main) {
  for (const path of REFERENCE) writeFileSync(path, generate(readFileSync(path, "utf8")));
}
