import { ProtocolError, type RefreshFrame } from "@madang/protocol";
import type { Connection } from "../connection.ts";

/** F5: without authentication there is no token to renew. */
export function handleRefresh(_connection: Connection, _frame: RefreshFrame): void {
  throw new ProtocolError("not_allowed");
}
