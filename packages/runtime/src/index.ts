export * from "./bodies.ts";
export * from "./config.ts";
export * from "./health.ts";
export * from "./logger.ts";
export * from "./metrics.ts";
export * from "./problem.ts";
export * from "./run.ts";
export * from "./shutdown.ts";
