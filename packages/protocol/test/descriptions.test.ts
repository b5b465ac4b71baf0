import t from "tap";
import * as protocol from "../src/index.ts";

interface Schema {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
}

/** The reference documentation prints a description as a table cell. */
const MAX_CHARACTERS = 100;

/** The fields of a schema that lack a short description, each with its path. */
function undescribed(path: string, { properties = {}, items, anyOf = [] }: Schema): string[] {
  return [
    ...Object.entries(properties).flatMap(([name, field]) => {
      const { description = "" } = field;
      const isGood = description.endsWith(".") && description.length <= MAX_CHARACTERS;
      return [...(isGood ? [] : [`${path}.${name}: ${description}`]), ...undescribed(`${path}.${name}`, field)];
    }),
    ...(items ? undescribed(`${path}[]`, items) : []),
    ...anyOf.flatMap((option, i) => undescribed(`${path}|${i}`, option)),
  ];
}

t.test("every field of the contract has a short description", async (t) => {
  const schemas = Object.entries(protocol as Record<string, unknown>).filter(
    (entry): entry is [string, Schema] => typeof entry[1] === "object" && entry[1] !== null && "properties" in entry[1],
  );
  t.ok(schemas.length >= 25);
  for (const [name, schema] of schemas) t.same(undescribed(name, schema), [], name);
});
