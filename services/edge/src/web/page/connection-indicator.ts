import type { ClientState, MadangClient } from "@madang/client";
import { byId } from "./dom.ts";
import { t } from "./localized-text.ts";

/** Says how the connection is, without getting in the way. */
export function showConnection(client: MadangClient): void {
  const lamp = byId("connection");
  let everConnected = false;
  const words: Record<ClientState, () => string> = {
    connected: () => t.connected,
    connecting: () => (everConnected ? t.reconnecting : t.connecting),
    disconnected: () => t.refused,
  };
  const show = () => {
    everConnected ||= client.state === "connected";
    const offline = client.state !== "connected" && !navigator.onLine;
    const text = offline ? t.offline : words[client.state]();
    lamp.className = `connection ${offline ? "offline" : client.state}`;
    if (lamp.textContent !== text) lamp.textContent = text;
  };
  client.on("state", show);
  addEventListener("online", show);
  addEventListener("offline", show);
}
