import type { Child } from "./child.ts";
import { type NatsOptions, startNats } from "./nats.ts";
import { freePort } from "./ports.ts";

/** Starts the servers of a cluster, each with JetStream. Resolves when all of them accept connections. */
export async function startNatsCluster(
  count: number,
  options: Pick<NatsOptions, "sync" | "configText"> = {},
): Promise<Child[]> {
  const numbers = Array.from({ length: count }, (_, index) => index + 1);
  const ports = await Promise.all(numbers.map(freePort));
  const routes = ports.map((port) => `nats://127.0.0.1:${port}`).join(", ");
  return Promise.all(
    numbers.map((number, index) =>
      startNats({
        ...options,
        name: `nats-${number}`,
        configText: [
          `cluster { name: madang, listen: "127.0.0.1:${ports[index]}", routes: [${routes}] }`,
          options.configText ?? "",
        ].join("\n"),
      }),
    ),
  );
}
