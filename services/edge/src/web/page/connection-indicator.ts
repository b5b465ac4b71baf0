import type { ClientState, MadangClient } from "@madang/client";
import { byId } from "./dom.ts";
import { t } from "./localized-text.ts";

/** Shows the state of the connection in the header. */
export function showConnection(client: MadangClient): void {
  const indicator = byId("connection");
  let everConnected = false;
  const texts: Record<ClientState, () => string> = {
    connected: () => t.connected,
    connecting: () => (everConnected ? t.reconnecting : t.connecting),
    disconnected: () => t.disconnected,
  };
  const show = () => {
    everConnected ||= client.state === "connected";
    const offline = client.state !== "connected" && !navigator.onLine;
    const text = offline ? t.offline : texts[client.state]();
    indicator.className = `connection ${offline ? "offline" : client.state}`;
    // Screen readers announce each change of the text.
    if (indicator.textContent !== text) indicator.textContent = text;
  };
  client.on("state", show);
  addEventListener("online", show);
  addEventListener("offline", show);
}
