/** `npm run build`. */
import { HELP_OPTION, readArguments, run } from "@madang/runtime";
import { BUNDLE_DIR, updateBundle } from "./web/bundle.ts";

const HELP = `Bundles the edge's page into services/edge/dist, for an edge with NODE_ENV=production. Any other edge does so by itself.

  npm run build
`;

await run(async () => {
  const { values } = readArguments({ options: { help: HELP_OPTION } });
  if (values.help) return console.log(HELP);
  console.log(
    (await updateBundle(BUNDLE_DIR)) ? `Bundled the page into ${BUNDLE_DIR}.` : `${BUNDLE_DIR} is up to date.`,
  );
});
