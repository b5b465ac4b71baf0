export type BinaryName = "nats-server" | "mongod";

/** One place that a server binary can come from. */
export interface Source {
  readonly name: string;
  /** Fetches the binary into an empty directory and returns its path there. */
  readonly fetch: (dir: string) => Promise<string>;
}
