/** Keeps a core busy with nothing. Forked by the storm: what a full machine alone costs is no fault of the servers'. */
const SLICE_MS = 50;

process.on("disconnect", () => process.exit(0));
setInterval(() => {
  const until = performance.now() + SLICE_MS;
  while (performance.now() < until);
}, 0);
