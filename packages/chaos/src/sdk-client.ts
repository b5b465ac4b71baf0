import { MadangClient, type Room, type TransportFactory, webSocketTransport } from "@madang/client";
import { AnswerTally } from "./tally.ts";
import { View } from "./view.ts";

/** A member and sender over the SDK. Its transport connects to the URL from `dial` and counts the answers. */
export class SdkClient {
  readonly user: string;
  readonly views: readonly View[];
  readonly tally = new AnswerTally();
  readonly #client: MadangClient;
  readonly #rooms: ReadonlyMap<string, Room>;

  constructor(user: string, rooms: readonly string[], dial: () => string) {
    this.user = user;
    this.#client = new MadangClient({ url: "ws://chaos.invalid/ws", user, transport: this.#transport(dial) });
    const views: View[] = [];
    this.#rooms = new Map(
      rooms.map((name) => {
        const room = this.#client.join(name);
        const view = new View(user, name);
        views.push(view);
        room.on("joined", ({ epoch, position, recovered }) => view.joined(epoch, position, recovered));
        room.on("message", ({ epoch, seq, user, nonce = "", message }) =>
          view.event({ epoch, seq, user, nonce, message }),
        );
        return [name, room];
      }),
    );
    this.views = views;
    this.#client.connect();
  }

  send(room: string, text: string, nonce: string): Promise<{ epoch: string; seq: number }> {
    return this.#rooms.get(room)!.send(text, { nonce });
  }

  close(): void {
    this.#client.close();
  }

  #transport(dial: () => string): TransportFactory {
    return (_url, events) => {
      this.tally.newConnection();
      const inner = webSocketTransport(dial(), {
        ...events,
        open: () => events.open(),
        message: (text) => {
          this.tally.down(JSON.parse(text));
          events.message(text);
        },
        close: (code, reason) => events.close(code, reason),
      });
      return {
        send: (text) => {
          this.tally.up(text);
          inner.send(text);
        },
        close: () => inner.close(),
      };
    };
  }
}
