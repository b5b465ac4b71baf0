/** Checks the settings in the environment and ends: exit code 0, or 1 with the reason on standard error. */
import { describeMisspelt, findMisspeltSettings, run } from "@madang/runtime";
import { EDGE_SETTINGS, edgeConfig } from "./config.ts";

await run(async () => {
  for (const setting of findMisspeltSettings(EDGE_SETTINGS)) console.log(describeMisspelt(setting));
  edgeConfig();
});
