/** Checks the settings in the environment and ends: exit code 0, or 1 with the reason on standard error. */
import { readAuthSettings } from "@madang/auth";
import { describeMisspelt, findMisspeltSettings, run } from "@madang/runtime";
import { loadConfig, PERSISTENCE_SETTINGS } from "./config.ts";

await run(async () => {
  for (const setting of findMisspeltSettings(PERSISTENCE_SETTINGS)) console.log(describeMisspelt(setting));
  readAuthSettings(loadConfig().HOST);
});
