export interface Server {
  readonly port: number;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies as they come
  readonly body: any;
}

/** A message as a page of history has it. */
export interface StoredMessage {
  readonly seq: number;
  readonly epoch: string;
  readonly position: string;
  readonly user: string;
  readonly userId?: string;
  readonly message: string;
  readonly deleted?: boolean;
}

/** A client of the HTTP API of one service. It sends `headers` with each request, and follows redirects. */
export class HttpClient {
  readonly #base: string;
  readonly #headers: Record<string, string>;

  constructor(server: Server, headers: Record<string, string> = {}) {
    this.#base = `http://127.0.0.1:${server.port}`;
    this.#headers = headers;
  }

  async request(method: string, path: string, headers: Record<string, string> = {}, body?: string): Promise<Answer> {
    const response = await fetch(this.#base + path, {
      method,
      headers: { ...this.#headers, ...headers },
      ...(body === undefined ? {} : { body }),
    });
    const text = await response.text();
    const isJson = text !== "" && /json/.test(response.headers.get("content-type") ?? "");
    return { status: response.status, headers: response.headers, text, body: isJson ? JSON.parse(text) : undefined };
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Answer> {
    return this.request("GET", path, headers);
  }

  /** Sends a message to a room: its text, or the whole body. */
  post(room: string, message: string | object, headers: Record<string, string> = {}): Promise<Answer> {
    const body = JSON.stringify(typeof message === "string" ? { message } : message);
    return this.request("POST", messagesPath(room), { "content-type": "application/json", ...headers }, body);
  }

  /** The newest messages of a room; none while history cannot be read. */
  async history(room: string, query = "limit=100"): Promise<StoredMessage[]> {
    const { body } = await this.get(`${messagesPath(room)}?${query}`);
    return body?.messages ?? [];
  }

  /** The texts of {@link history}. */
  async texts(room: string): Promise<string[]> {
    return (await this.history(room)).map(({ message }) => message);
  }
}

function messagesPath(room: string): string {
  return `/v1/rooms/${encodeURIComponent(room)}/messages`;
}
