/** Preloaded into a service: a signal starts a garbage collection, so that the memory in use can be measured. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** A signal that services without a terminal do not use. SIGUSR2 would stop them. */
export const COLLECT_SIGNAL = "SIGWINCH";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;
process.on(COLLECT_SIGNAL, () => collect());
