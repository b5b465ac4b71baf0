/**
 * Preloaded into a service: says when its event loop stood still because it was busy. What the machine was busy with
 * otherwise does not count: the thread's own CPU time is compared, too.
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
