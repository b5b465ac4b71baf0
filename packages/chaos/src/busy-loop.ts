/** Keeps a core busy and sends nothing. The storm scenario measures with it the effect of a busy machine alone. */
const SLICE_MS = 50;

process.on("disconnect", () => process.exit(0));
setInterval(() => {
  const until = performance.now() + SLICE_MS;
  while (performance.now() < until);
}, 0);
