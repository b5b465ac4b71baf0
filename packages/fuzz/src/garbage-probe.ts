/** Preloaded into a service: collects its garbage when told to, so that what is still in use can be counted. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** It ends nobody: services without a terminal have no use for it, and SIGUSR2 has them stop. */
export const COLLECT_SIGNAL = "SIGWINCH";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;
process.on(COLLECT_SIGNAL, () => collect());
