/** The script of all pages. */
import { startIndexPage } from "./index-page.ts";
import { startRoomPage } from "./room-page.ts";

if (document.body.classList.contains("room-page")) startRoomPage();
else startIndexPage();
