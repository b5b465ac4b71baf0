/**
 * Preloaded into a service: reports when one task blocked its event loop for more than 200 ms. It compares the thread's
 * own CPU time as well, so that other load on the machine does not count.
 */
export const STALL_MARK = "event loop stall";
const TICK_MS = 20;
const LIMIT_MS = 200;

let lastAt = performance.now();
let lastCpu = process.threadCpuUsage();
setInterval(() => {
  const now = performance.now();
  const cpu = process.threadCpuUsage(lastCpu);
  const busyMs = (cpu.user + cpu.system) / 1000;
  if (now - lastAt - TICK_MS > LIMIT_MS && busyMs > LIMIT_MS) {
    console.log(JSON.stringify({ msg: STALL_MARK, wallMs: Math.round(now - lastAt), busyMs: Math.round(busyMs) }));
  }
  lastAt = now;
  lastCpu = process.threadCpuUsage();
}, TICK_MS).unref();
